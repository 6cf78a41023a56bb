/* Symbols in the order of their names' text: heap sort, which needs no memory, is never quadratic
   and takes what it compares by (Names) as an argument.  The contract is in scopes.h. */

#ifndef Py_BUILD_CORE
#define Py_BUILD_CORE
#endif
#include "Python.h"

#include "scopes.h"

static int
order_by_text(const Names *names, const Symbol *left, const Symbol *right)
{
    return PyUnicode_Compare(names_string(names, left->name), names_string(names, right->name));
}

static void
sift_down(const Names *names, Symbol **heap, int root, int count)
{
    for (int child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && order_by_text(names, heap[child], heap[child + 1]) < 0) {
            child++;
        }
        if (order_by_text(names, heap[root], heap[child]) >= 0) {
            return;
        }
        Symbol *exchanged = heap[root];
        heap[root] = heap[child];
        heap[child] = exchanged;
    }
}

void
symbols_sort(const Names *names, Symbol **symbols, int count)
{
    for (int root = count / 2 - 1; root >= 0; root--) {
        sift_down(names, symbols, root, count);
    }
    for (int last = count - 1; last > 0; last--) {
        Symbol *exchanged = symbols[0];
        symbols[0] = symbols[last];
        symbols[last] = exchanged;
        sift_down(names, symbols, 0, last);
    }
}
