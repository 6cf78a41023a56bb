"""Added to module __future__: the feature top_level_await."""


def add(module):
    """Have the module list it last, as it lists its own."""
    name = "top_level_await"
    module.CO_FUTURE_TOP_LEVEL_AWAIT = 0x10000000
    module.top_level_await = module._Feature((3, 11, 2, "final", 0), None,
                                             module.CO_FUTURE_TOP_LEVEL_AWAIT)
    module.all_feature_names.append(name)
    module.__all__.append(name)
