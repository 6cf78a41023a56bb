/* What sys._debugmallocstats() and PYTHONMALLOCSTATS show: the allocator's part, and the line that
   each kind of object with a free list adds. */

#include "allocator.h"
#include <string.h>

/* Writes a number with commas between its thousands; returns where it begins in the buffer. */
static const char *
with_commas(char buffer[static 32], size_t value)
{
    char *start = buffer + 31;
    *start = '\0';
    for (int digits = 1;; digits++) {
        *--start = (char)('0' + value % 10);
        value /= 10;
        if (value == 0) {
            return start;
        }
        if (digits % 3 == 0) {
            *--start = ',';
        }
    }
}

static size_t
print_line(FILE *output, const char *what, size_t value)
{
    char buffer[32];
    fprintf(output, "%-35s=%21s\n", what, with_commas(buffer, value));
    return value;
}

void
_PyDebugAllocatorStats(FILE *output, const char *kind, int count, size_t size)
{
    char what[128];
    PyOS_snprintf(what, sizeof(what), "%d %ss * %zd bytes each", count, kind, (Py_ssize_t)size);
    char padded[160];
    PyOS_snprintf(padded, sizeof(padded), "%48s ", what);
    print_line(output, padded, (size_t)count * size);
}

static void
print_classes(FILE *output, const struct SmallBlocksSurvey *survey)
{
    fprintf(output, "Small block threshold = %d, in %d size classes.\n\n", SMALL_BLOCK_MAX,
            CLASS_COUNT);
    fputs("class   size   num pools   blocks in use  avail blocks\n"
          "-----   ----   ---------   -------------  ------------\n",
          output);
    for (int i = 0; i < CLASS_COUNT; i++) {
        if (survey->of_class[i].pools != 0) {
            fprintf(output, "%5d %6d %11zu %15zu %13zu\n", i, (i + 1) * BLOCK_ALIGNMENT,
                    survey->of_class[i].pools, survey->of_class[i].blocks_in_use,
                    survey->of_class[i].blocks_available);
        }
    }
    fputc('\n', output);
}

static void
print_arenas(FILE *output, const struct SmallBlocksSurvey *survey)
{
    print_line(output, "# arenas allocated total", survey->arenas_ever);
    print_line(output, "# arenas reclaimed", survey->arenas_ever - survey->arenas_now);
    print_line(output, "# arenas highwater mark", survey->arenas_most);
    print_line(output, "# arenas allocated current", survey->arenas_now);
    char what[64];
    PyOS_snprintf(what, sizeof(what), "%zu arenas * %d bytes/arena", survey->arenas_now,
                  ARENA_SIZE);
    print_line(output, what, survey->arenas_now * ARENA_SIZE);
    fputc('\n', output);
}

/* Where the bytes of all arenas are. */
static void
print_bytes(FILE *output, const struct SmallBlocksSurvey *survey)
{
    size_t in_use = 0, available = 0;
    for (size_t i = 0; i < CLASS_COUNT; i++) {
        in_use += survey->of_class[i].blocks_in_use * (i + 1) * BLOCK_ALIGNMENT;
        available += survey->of_class[i].blocks_available * (i + 1) * BLOCK_ALIGNMENT;
    }
    size_t total = print_line(output, "# bytes in allocated blocks", in_use);
    total += print_line(output, "# bytes in available blocks", available);
    char what[64];
    PyOS_snprintf(what, sizeof(what), "%zu unused pools * %d bytes", survey->free_pools, POOL_SIZE);
    total += print_line(output, what, survey->free_pools * POOL_SIZE);
    total += print_line(output, "# bytes lost to arena headers", survey->header_bytes);
    total += print_line(output, "# bytes lost to quantization", survey->leftover_bytes);
    print_line(output, "Total", total);
    fputc('\n', output);
}

void
allocator_print_survey(FILE *output, const struct SmallBlocksSurvey *survey)
{
    print_classes(output, survey);
    print_arenas(output, survey);
    print_bytes(output, survey);
    print_line(output, "# leaves of the table of classes", survey->table_leaves);
    fputc('\n', output);
}
