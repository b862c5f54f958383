/* Records, in order, everything a process does to the files under one folder: a tape from which chaos/tape.py rebuilds what a disk
 * would hold had the power failed at any moment. Loaded by LD_PRELOAD.
 *
 * POWERCUT_ROOT is the folder (an absolute path), POWERCUT_TAPE the tape. A record is a header and, for some, bytes after it:
 *
 *   M directory made      file = its inode, at = its parent's inode, bytes = its name
 *   C file created        the same
 *   U name removed        at = the parent's inode, bytes = the name
 *   N name moved within a folder    at = the parent's inode, bytes = the old name, a zero byte, the new name
 *   W bytes written       file, at = the offset, bytes
 *   T length set          file, at = the length
 *   S synced              file or directory, at = the tape's length when the sync was asked for: what was done before it is durable
 *
 * One lock is held from before a change until after it, so the tape's order is the true one. A sync is recorded once it is done.
 * What a process writes through a memory map is not seen: of SQLite's files that is the shared index of the WAL, which is never synced
 * and made anew after a crash.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ({ static __typeof__(&name) found; if (!found) found = (__typeof__(&name))dlsym(RTLD_NEXT, #name); found; })
#define MAX_FD 65536

struct header { uint64_t kind, file, at, length; };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t inode_of[MAX_FD]; /* 0: not one of ours */
static int tape = -1;
static uint64_t taped;
static char root[PATH_MAX];
static size_t root_length;

__attribute__((constructor)) static void begin(void) {
    const char *folder = getenv("POWERCUT_ROOT"), *path = getenv("POWERCUT_TAPE");
    if (!folder || !path) return;
    root_length = strlen(strcpy(root, folder));
    tape = REAL(open)(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

static int ours(const char *path) { return tape >= 0 && !strncmp(path, root, root_length) && (path[root_length] == '/' || !path[root_length]); }
static int followed(int fd) { return fd >= 0 && fd < MAX_FD && inode_of[fd]; }

static uint64_t inode_at(const char *path) {
    struct stat found;
    return stat(path, &found) ? 0 : found.st_ino;
}

static uint64_t parent_of(const char *path) {
    char copy[PATH_MAX];
    return inode_at(dirname(strncpy(copy, path, sizeof copy - 1)));
}

static const char *name_of(const char *path) { return strrchr(path, '/') + 1; }

static void record(char kind, uint64_t file, uint64_t at, const void *bytes, size_t length) {
    struct header header = {kind, file, at, length};
    struct iovec parts[] = {{&header, sizeof header}, {(void *)bytes, length}};
    if (writev(tape, parts, 2) != (ssize_t)(sizeof header + length)) abort();
    taped += sizeof header + length;
}

static int opened(int fd, const char *path, int flags, int was_there) {
    if (fd < 0 || fd >= MAX_FD) return fd;
    struct stat found;
    fstat(fd, &found);
    inode_of[fd] = found.st_ino;
    if (!was_there) record('C', found.st_ino, parent_of(path), name_of(path), strlen(name_of(path)));
    else if (flags & O_TRUNC) record('T', found.st_ino, 0, NULL, 0);
    return fd;
}

#define OPEN(name)                                                                   \
    int name(const char *path, int flags, ...) {                                     \
        va_list rest;                                                                \
        va_start(rest, flags);                                                       \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;      \
        va_end(rest);                                                                \
        if (!ours(path)) return REAL(name)(path, flags, mode);                       \
        pthread_mutex_lock(&lock);                                                   \
        int was_there = !access(path, F_OK);                                         \
        int fd = opened(REAL(name)(path, flags, mode), path, flags, was_there);      \
        pthread_mutex_unlock(&lock);                                                 \
        return fd;                                                                   \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                 \
    int name(int folder, const char *path, int flags, ...) {                         \
        va_list rest;                                                                \
        va_start(rest, flags);                                                       \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;      \
        va_end(rest);                                                                \
        if (!ours(path)) return REAL(name)(folder, path, flags, mode);               \
        pthread_mutex_lock(&lock);                                                   \
        int was_there = !access(path, F_OK);                                         \
        int fd = opened(REAL(name)(folder, path, flags, mode), path, flags, was_there); \
        pthread_mutex_unlock(&lock);                                                 \
        return fd;                                                                   \
    }
OPENAT(openat)
OPENAT(openat64)

int close(int fd) {
    if (followed(fd)) inode_of[fd] = 0;
    return REAL(close)(fd);
}

ssize_t write(int fd, const void *bytes, size_t length) {
    if (!followed(fd)) return REAL(write)(fd, bytes, length);
    pthread_mutex_lock(&lock);
    off_t at = lseek(fd, 0, fcntl(fd, F_GETFL) & O_APPEND ? SEEK_END : SEEK_CUR);
    record('W', inode_of[fd], at, bytes, length);
    ssize_t done = REAL(write)(fd, bytes, length);
    pthread_mutex_unlock(&lock);
    if (done != (ssize_t)length) abort();
    return done;
}

#define PWRITE(name, offset_type)                                                    \
    ssize_t name(int fd, const void *bytes, size_t length, offset_type at) {         \
        if (!followed(fd)) return REAL(name)(fd, bytes, length, at);                 \
        pthread_mutex_lock(&lock);                                                   \
        record('W', inode_of[fd], at, bytes, length);                                \
        ssize_t done = REAL(name)(fd, bytes, length, at);                            \
        pthread_mutex_unlock(&lock);                                                 \
        if (done != (ssize_t)length) abort();                                        \
        return done;                                                                 \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define TRUNCATE(name, offset_type)                                                  \
    int name(int fd, offset_type length) {                                           \
        if (!followed(fd)) return REAL(name)(fd, length);                            \
        pthread_mutex_lock(&lock);                                                   \
        record('T', inode_of[fd], length, NULL, 0);                                  \
        int outcome = REAL(name)(fd, length);                                        \
        pthread_mutex_unlock(&lock);                                                 \
        return outcome;                                                              \
    }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

#define SYNC(name)                                                                   \
    int name(int fd) {                                                               \
        if (!followed(fd)) return REAL(name)(fd);                                    \
        pthread_mutex_lock(&lock);                                                   \
        uint64_t since = taped;                                                      \
        pthread_mutex_unlock(&lock);                                                 \
        int outcome = REAL(name)(fd);                                                \
        pthread_mutex_lock(&lock);                                                   \
        if (!outcome) record('S', inode_of[fd], since, NULL, 0);                     \
        pthread_mutex_unlock(&lock);                                                 \
        return outcome;                                                              \
    }
SYNC(fsync)
SYNC(fdatasync)

int mkdir(const char *path, mode_t mode) {
    if (!ours(path)) return REAL(mkdir)(path, mode);
    pthread_mutex_lock(&lock);
    int outcome = REAL(mkdir)(path, mode);
    if (!outcome) record('M', inode_at(path), parent_of(path), name_of(path), strlen(name_of(path)));
    pthread_mutex_unlock(&lock);
    return outcome;
}

int unlink(const char *path) {
    if (!ours(path)) return REAL(unlink)(path);
    pthread_mutex_lock(&lock);
    int outcome = REAL(unlink)(path);
    if (!outcome) record('U', 0, parent_of(path), name_of(path), strlen(name_of(path)));
    pthread_mutex_unlock(&lock);
    return outcome;
}

int rename(const char *from, const char *to) {
    if (!ours(from) || !ours(to)) return REAL(rename)(from, to);
    if (parent_of(from) != parent_of(to)) abort(); /* nothing of ours does, and the tape has no word for it */
    char names[2 * NAME_MAX + 3];
    int length = snprintf(names, sizeof names, "%s%c%s", name_of(from), 0, name_of(to));
    pthread_mutex_lock(&lock);
    int outcome = REAL(rename)(from, to);
    if (!outcome) record('N', 0, parent_of(to), names, length);
    pthread_mutex_unlock(&lock);
    return outcome;
}
