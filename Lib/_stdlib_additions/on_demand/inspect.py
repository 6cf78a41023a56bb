"""Added to module inspect: the flag of a module that is marked for awaiting."""

__all__ = ["CO_FUTURE_TOP_LEVEL_AWAIT"]

CO_FUTURE_TOP_LEVEL_AWAIT = 0x10000000
