/* Constants of one compile: an integer identity for each distinct constant.

   In: constant objects of the tree, and the tuples and bytes of finished code objects.
   Out: a ConstantId for each distinct constant, told apart by type and value: 1, True and 1.0 are
   three, so are 0.0, -0.0 and 0j; two NaN are one only when they are one object.  Tuples and
   frozen sets are told apart by the identities of their elements.
   Memory: the table holds a reference to each constant until constants_clear().
   Entry: constants_identify(); for finished code objects constants_share_bytes() and
   constants_shared_tuple(). */

#ifndef FRONTEND_CONSTANTS_H
#define FRONTEND_CONSTANTS_H

#include "Python.h"
#include "arrays.h"
#include "nesting.h"

typedef int ConstantId;

typedef struct {
    PyObject *object; /* owned; the one object that stands for all equal constants */
    uint32_t hash;
    unsigned int elements : 31;   /* for tuples and frozen sets: where their number lies, before
                                     their identities */
    unsigned int provisional : 1; /* seen as an element of a shared tuple only, replaced by a
                                     constant */
} Constant;

DEFINE_ARRAY(ConstantArray, Constant, constant_array);
DEFINE_ARRAY(ConstantIdArray, ConstantId, constant_ids);

typedef struct {
    ConstantArray constants;
    ConstantIdArray elements;
    int *buckets; /* constant identity + 1, 0 when free; a power of two of them */
    uint32_t bucket_mask;
    Nesting nesting; /* of tuples and frozen sets */
    int first_buckets[64];
} ConstantTable;

void constants_init(ConstantTable *);

void constants_clear(ConstantTable *);

/* The identity of a constant.  A tuple met for the first time has its elements replaced in place
   by the objects that stand for them; a frozen set is built anew from them. */
ConstantId constants_identify(ConstantTable *, PyObject *constant);

/* The identity of a name as an element of tuples.  A constant that equals it becomes the object
   that stands for both. */
ConstantId constants_identify_name(ConstantTable *, PyObject *name);

/* The object to use in place of equal bytes: a new reference.  Steals the reference; NULL is
   passed through. */
PyObject *constants_share_bytes(ConstantTable *, PyObject *bytes);

/* The tuple of the constants with these identities: a new reference, the same object for the
   same identities. */
PyObject *constants_shared_tuple(ConstantTable *, const ConstantId *ids, int count);

/* True if there is a tuple with so many elements; takes as long as there are constants. */
bool constants_have_tuple_of(const ConstantTable *, int count);

static inline PyObject *
constants_object(const ConstantTable *table, ConstantId id)
{
    return table->constants.items[id].object;
}

#endif
