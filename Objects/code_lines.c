/* Which line an instruction belongs to: what each entry of a traceback asks, and each f_lineno.

   The table (co_linetable, described with PEP 626) has an entry for a few code units each, and the
   way to the wanted one leads past all before it. Only the first byte of an entry has its highest
   bit set, so the entries of eight bytes are found at once and none has to be decoded to find the
   next: the processor works on several at a time. */

#include "target.h"

#include <internal/pycore_code.h>
#include <string.h>

WRAPPED(PyCode_Addr2Line);

enum {
    ENTRY_MARK = 0x80, /* on the first byte of an entry and no other */
    NO_LINE = ENTRY_MARK >> 3 | PY_CODE_LOCATION_INFO_NONE,
};

/* A number in groups of six bits, the lowest first.  One that has no end is ended by the NUL behind
   every bytes object, and one of more than 32 bits is what the archive's function makes of it. */
static int
read_signed(const uint8_t *at)
{
    unsigned value = *at & 63;
    for (unsigned shift = 6; *at & 64; shift += 6) {
        value |= (unsigned)(*++at & 63) << shift % 32;
    }
    return value & 1 ? -(int)(value >> 1) : (int)(value >> 1);
}

/* By how many lines an entry is behind the one before. */
static inline int
line_delta(const uint8_t *entry)
{
    static const uint8_t deltas[16] = {
        [PY_CODE_LOCATION_INFO_ONE_LINE1] = 1,
        [PY_CODE_LOCATION_INFO_ONE_LINE2] = 2,
    };
    unsigned kind = *entry >> 3 & 15;
    if (kind == PY_CODE_LOCATION_INFO_NO_COLUMNS || kind == PY_CODE_LOCATION_INFO_LONG) {
        return read_signed(entry + 1);
    }
    return deltas[kind];
}

/* The highest bits of up to eight bytes, in the order of the bytes from the lowest. */
static inline uint64_t
entry_marks(const uint8_t *at, const uint8_t *end)
{
    uint64_t bytes = 0;
    if (end - at >= 8) {
        memcpy(&bytes, at, 8);
    }
    else {
        memcpy(&bytes, at, (size_t)(end - at));
    }
#if PY_BIG_ENDIAN
    bytes = __builtin_bswap64(bytes);
#endif
    return bytes & UINT64_C(0x8080808080808080);
}

/* The line of the instruction at an offset in bytes, -1 if it has none.  No exceptions. */
int
__wrap_PyCode_Addr2Line(PyCodeObject *code, int offset)
{
    if (offset < 0) {
        return code->co_firstlineno;
    }
    if (code->_co_linearray != NULL) {
        return _PyCode_LineNumberFromArray(code, offset / (int)sizeof(_Py_CODEUNIT));
    }
    const uint8_t *at = (const uint8_t *)PyBytes_AS_STRING(code->co_linetable);
    const uint8_t *end = at + PyBytes_GET_SIZE(code->co_linetable);
    int line = code->co_firstlineno, covered = 0;
    for (uint64_t first = ENTRY_MARK; at < end; at += 8, first = 0) {
        for (uint64_t marks = entry_marks(at, end) | first; marks != 0; marks &= marks - 1) {
            const uint8_t *entry = at + __builtin_ctzll(marks) / 8;
            line += line_delta(entry);
            covered += ((*entry & 7) + 1) * (int)sizeof(_Py_CODEUNIT);
            if (offset < covered) {
                return *entry >> 3 == NO_LINE ? -1 : line;
            }
        }
    }
    return -1;
}
