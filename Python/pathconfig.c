/* Our Python modules on sys.path: right ahead of the standard library, wherever that is.

   Wraps the runtime's computation of the path configuration.  They are as much a part of the
   interpreter as the standard library is, so no option takes them off (-I, -E and -S concern
   PYTHONPATH, the script's folder and site-packages); an embedder who sets the search path himself
   gets just that path, and so does who puts a ._pth file beside the program. */

#include <Python.h>
#include <internal/pycore_fileutils.h>
#include <internal/pycore_initconfig.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "target.h"

#ifndef ASYNC_LIBRARY_DIR
#error "the Makefile says where our modules are installed"
#endif

/* Beside a ./python that was built and not installed: the path of its source tree. */
#define BUILD_MARK "python-build.txt"
/* Beside the bin/ of an installed one. */
#define INSTALLED_LIBRARY "../lib/python3.11-async"
/* Appended to the program's path: a file that lists the whole search path. */
#define PATH_FILE "._pth"
/* A file of ours, to tell our folder by. */
#define LANDMARK "autoawait/__init__.py"

WRAPPED(_PyConfig_InitPathConfig);

/* Byte paths as the operating system has them. */
typedef struct {
    char text[PATH_MAX + 1];
} Path;

/* All of these tell whether there is something to be had.  Where there is not (too long a path, no
   such file), the folder is left out, and importing tells. */

static bool
path_join(Path *path, const char *folder, const char *name)
{
    int length = snprintf(path->text, sizeof(path->text), "%s/%s", folder, name);
    return length > 0 && (size_t)length < sizeof(path->text);
}

static bool
path_is_file(const Path *path)
{
    struct stat status;
    return stat(path->text, &status) == 0 && S_ISREG(status.st_mode);
}

static bool
has_landmark(const char *folder)
{
    Path landmark;
    return path_join(&landmark, folder, LANDMARK) && path_is_file(&landmark);
}

static bool
read_line(const Path *file, Path *line)
{
    FILE *stream = fopen(file->text, "re");
    if (stream == NULL) {
        return false;
    }
    int found = fgets(line->text, sizeof(line->text), stream) != NULL;
    fclose(stream);
    if (found) {
        line->text[strcspn(line->text, "\n")] = '\0';
    }
    return found;
}

static bool
path_set(Path *path, const char *text)
{
    int fits = text != NULL && strlen(text) < sizeof(path->text);
    if (fits) {
        strcpy(path->text, text);
    }
    return fits;
}

static bool
path_encode(Path *path, const wchar_t *text)
{
    char *encoded = text == NULL ? NULL : Py_EncodeLocale(text, NULL);
    int found = path_set(path, encoded);
    PyMem_Free(encoded);
    return found;
}

/* Follows symbolic links. */
static bool
path_resolve(Path *path)
{
    char *resolved = realpath(path->text, NULL);
    int found = path_set(path, resolved);
    free(resolved);
    return found;
}

/* From a file to its folder. */
static bool
path_cut_name(Path *path)
{
    char *slash = strrchr(path->text, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
    return slash != NULL;
}

static bool
find_in_folder(const Path *folder, Path *library)
{
    Path mark, source;
    if (path_join(&mark, folder->text, BUILD_MARK) && read_line(&mark, &source)
        && path_join(library, source.text, "Lib") && has_landmark(library->text)) {
        return true;
    }
    return path_join(library, folder->text, INSTALLED_LIBRARY) && has_landmark(library->text)
           && path_resolve(library);
}

/* The program may be a link to ours, as in a virtual environment, or a name that ours does not
   have, as the base of an environment made of copies. */
static bool
find_beside_program(const wchar_t *program, Path *library)
{
    Path folder, link_folder;
    if (!path_encode(&folder, program)) {
        return false;
    }
    link_folder = folder;
    return (path_resolve(&folder) && path_cut_name(&folder) && find_in_folder(&folder, library))
           || (path_cut_name(&link_folder) && find_in_folder(&link_folder, library));
}

/* base_executable differs in an environment made of copies; a program that embeds us has neither
   beside it and finds what was installed. */
static bool
find_library(const PyConfig *config, Path *library)
{
    if (find_beside_program(config->executable, library)
        || find_beside_program(config->base_executable, library)) {
        return true;
    }
    strcpy(library->text, ASYNC_LIBRARY_DIR);
    return has_landmark(library->text);
}

static bool
has_path_file(const PyConfig *config)
{
    Path program, file;
    if (!path_encode(&program, config->executable)) {
        return false;
    }
    int length = snprintf(file.text, sizeof(file.text), "%s" PATH_FILE, program.text);
    return length > 0 && (size_t)length < sizeof(file.text) && path_is_file(&file);
}

/* The place of the standard library's folder in the search path, or its end. */
static Py_ssize_t
standard_library_index(const PyConfig *config)
{
    const PyWideStringList *paths = &config->module_search_paths;
    Py_ssize_t index = 0;
    while (
        index < paths->length
        && (config->stdlib_dir == NULL || wcscmp(paths->items[index], config->stdlib_dir) != 0)) {
        index++;
    }
    return index;
}

PyStatus
__wrap__PyConfig_InitPathConfig(PyConfig *config, int compute_path_config)
{
    int path_was_set = config->module_search_paths_set;
    PyStatus status = __real__PyConfig_InitPathConfig(config, compute_path_config);
    Path library;
    if (PyStatus_Exception(status) || path_was_set || !config->module_search_paths_set
        || has_path_file(config) || !find_library(config, &library)) {
        return status;
    }
    wchar_t *entry = Py_DecodeLocale(library.text, NULL);
    if (entry == NULL) {
        return PyStatus_NoMemory();
    }
    status = PyWideStringList_Insert(&config->module_search_paths, standard_library_index(config),
                                     entry);
    PyMem_RawFree(entry);
    return status;
}
