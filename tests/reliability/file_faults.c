// Count the file calls of a process below one directory, and make one of them fail; for Linux.
//
// Preloaded by tests/reliability/file_faults.py, so that it sees the calls of Python, of Rust
// (safetensors) and of C++ (torch) alike. `faults_begin` starts counting in a forked process.

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { LOOKS = 1, CHANGES = 2, GROWS = 6 };  // GROWS changes, and may find the disk full
enum { COUNT, ONCE, FROM_THEN_ON, FULL, KILL };
enum { DESCRIPTORS = 4096 };

static char area[4096];
static long turn, at;
static int action = COUNT, code, record = -1;
static char followed[DESCRIPTORS];  // 1: a descriptor of a file in the area

void faults_begin(const char *directory, long at_, int action_, int code_, int record_) {
    snprintf(area, sizeof area, "%s", directory);
    turn = 0, at = at_, action = action_, code = code_, record = record_;
}

#define REAL(name) ({ static __typeof__(&name) real; \
    real = real ? real : (__typeof__(&name))dlsym(RTLD_NEXT, #name); \
    real; })

static int ours(int directory, const char *path) {
    if (!area[0] || !path) return 0;
    if (path[0] == '/') return !strncmp(path, area, strlen(area));
    return directory >= 0 && directory < DESCRIPTORS && followed[directory];
}

static int ours_by_number(int file) {
    return area[0] && file >= 0 && file < DESCRIPTORS && followed[file];
}

static int follow(int file, int is_ours) {
    if (file >= 0 && file < DESCRIPTORS) followed[file] = is_ours;
    return file;
}

// Return an errno for this call to fail with; 0: it goes through; -1: it does half, then fails.
static int fault(int kind, const char *name, const char *path) {
    long now = ++turn;
    if (record >= 0) {
        char line[4500];
        int length = snprintf(line, sizeof line, "%ld\t%d\t%s\t%s\n", now, kind, name, path ? path : "");
        if (REAL(write)(record, line, length) < 0) return 0;
    }
    if (action == COUNT || now < at) return 0;
    int writes = !strcmp(name, "write");
    if (action == FULL) {
        if ((kind & GROWS) != GROWS) return 0;
        return now == at && writes ? -1 : code;
    }
    if (action == ONCE) return now == at ? code : 0;
    if (action == FROM_THEN_ON) return code;
    if (now == at && writes) return -1;
    raise(SIGKILL);
    return 0;
}

#define FAIL(kind, name, path, failed) do { int saved = errno; \
    int found = fault(kind, name, path); \
    if (found > 0) { errno = found; return failed; } errno = saved; } while (0)

static int creates(int flags, const char *path) {
    return flags & (O_CREAT | O_TRUNC) ? GROWS : (flags & (O_WRONLY | O_RDWR) ? CHANGES : LOOKS);
}

#define OPEN(name) int name(const char *path, int flags, ...) { \
    va_list rest; va_start(rest, flags); \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; va_end(rest); \
    int mine = ours(-1, path); \
    if (mine) FAIL(creates(flags, path), "open", path, -1); \
    return follow(REAL(name)(path, flags, mode), mine); }
OPEN(open)
OPEN(open64)

#define OPENAT(name) int name(int directory, const char *path, int flags, ...) { \
    va_list rest; va_start(rest, flags); \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; va_end(rest); \
    int mine = ours(directory, path); \
    if (mine) FAIL(creates(flags, path), "open", path, -1); \
    return follow(REAL(name)(directory, path, flags, mode), mine); }
OPENAT(openat)
OPENAT(openat64)

#define FOPEN(name) FILE *name(const char *path, const char *mode) { \
    int mine = ours(-1, path); \
    if (mine) FAIL(mode[0] == 'r' ? LOOKS : GROWS, "open", path, NULL); \
    FILE *file = REAL(name)(path, mode); \
    if (file) follow(fileno(file), mine); \
    return file; }
FOPEN(fopen)
FOPEN(fopen64)

int close(int file) { follow(file, 0); return REAL(close)(file); }

ssize_t write(int file, const void *data, size_t size) {
    if (ours_by_number(file)) {
        int found = fault(GROWS, "write", NULL);
        if (found > 0) { errno = found; return -1; }
        if (found < 0) {
            ssize_t half = REAL(write)(file, data, size / 2);
            if (action == KILL) raise(SIGKILL);
            if (size / 2) return half;
            errno = code;
            return -1;
        }
    }
    return REAL(write)(file, data, size);
}

ssize_t writev(int file, const struct iovec *parts, int count) {
    if (ours_by_number(file)) FAIL(GROWS, "writev", NULL, -1);
    return REAL(writev)(file, parts, count);
}

#define BY_NUMBER(type, name, kind, given, passed) type name given { \
    if (ours_by_number(file)) FAIL(kind, #name, NULL, -1); \
    return REAL(name) passed; }
BY_NUMBER(ssize_t, read, LOOKS, (int file, void *data, size_t size), (file, data, size))
BY_NUMBER(ssize_t, pread64, LOOKS, (int file, void *data, size_t size, off64_t at), (file, data, size, at))
BY_NUMBER(int, fsync, GROWS, (int file), (file))
BY_NUMBER(int, fdatasync, GROWS, (int file), (file))
BY_NUMBER(int, flock, CHANGES, (int file, int how), (file, how))
BY_NUMBER(int, fchmod, CHANGES, (int file, mode_t mode), (file, mode))
BY_NUMBER(int, ftruncate64, CHANGES, (int file, off64_t size), (file, size))

#define BY_PATH(type, name, label, kind, failed, given, passed) type name given { \
    if (ours(AT, path)) FAIL(kind, label, path, failed); \
    return REAL(name) passed; }
#define AT -1
BY_PATH(int, mkdir, "mkdir", GROWS, -1, (const char *path, mode_t mode), (path, mode))
BY_PATH(int, rmdir, "rmdir", CHANGES, -1, (const char *path), (path))
BY_PATH(int, unlink, "unlink", CHANGES, -1, (const char *path), (path))
BY_PATH(int, chmod, "chmod", CHANGES, -1, (const char *path, mode_t mode), (path, mode))
BY_PATH(int, truncate64, "truncate", CHANGES, -1, (const char *path, off64_t size), (path, size))
BY_PATH(int, access, "access", LOOKS, -1, (const char *path, int mode), (path, mode))
BY_PATH(DIR *, opendir, "opendir", LOOKS, NULL, (const char *path), (path))
BY_PATH(int, rename, "rename", GROWS, -1, (const char *path, const char *to), (path, to))
BY_PATH(int, stat, "stat", LOOKS, -1, (const char *path, struct stat *to), (path, to))
BY_PATH(int, stat64, "stat", LOOKS, -1, (const char *path, struct stat64 *to), (path, to))
BY_PATH(int, lstat, "stat", LOOKS, -1, (const char *path, struct stat *to), (path, to))
BY_PATH(int, lstat64, "stat", LOOKS, -1, (const char *path, struct stat64 *to), (path, to))
#undef AT
#define AT directory
BY_PATH(int, mkdirat, "mkdir", GROWS, -1, (int directory, const char *path, mode_t mode), (directory, path, mode))
BY_PATH(int, unlinkat, "unlink", CHANGES, -1, (int directory, const char *path, int flags), (directory, path, flags))
BY_PATH(int, fchmodat, "chmod", CHANGES, -1, (int directory, const char *path, mode_t mode, int flags), (directory, path, mode, flags))
BY_PATH(int, fstatat, "stat", LOOKS, -1, (int directory, const char *path, struct stat *to, int flags), (directory, path, to, flags))
BY_PATH(int, fstatat64, "stat", LOOKS, -1, (int directory, const char *path, struct stat64 *to, int flags), (directory, path, to, flags))
BY_PATH(int, renameat, "rename", GROWS, -1, (int directory, const char *path, int other, const char *to), (directory, path, other, to))
BY_PATH(int, statx, "stat", LOOKS, -1, (int directory, const char *restrict path, int flags, unsigned mask, struct statx *restrict to), (directory, path, flags, mask, to))
