/* Tells in a file what a process and its children do to a directory, and what it says to sockets.

   Preloaded into a server; tests/support/power_loss.py compiles it, reads what it tells, and makes
   of it what a disk may hold after a power cut. A record is appended with one write(2):

       kind (1 byte)  thread or offset (8)  inode (8)  length (4)  length (4)  bytes  bytes
*/
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define PATH_ROOM 4096
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static const char *watched;
static size_t watched_size;
static int trace = -1;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("POWER_LOSS_TRACE");
    watched = getenv("POWER_LOSS_DIRECTORY");
    if (path && watched) {
        watched_size = strlen(watched);
        trace = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT, 0600);
        /* Out of the way of a child that closes all but what it knows. */
        int high = (int)syscall(SYS_fcntl, trace, F_DUPFD, 900);
        syscall(SYS_close, trace);
        trace = high;
    }
}

static int concerns(const char *path) {
    return trace >= 0 && path && strncmp(path, watched, watched_size) == 0;
}

/* The path of a descriptor; 0 if it is none of ours. */
static int path_of(int fd, char *out) {
    char name[64];
    ssize_t n;
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    n = readlink(name, out, PATH_ROOM - 1);
    out[n > 0 ? n : 0] = 0;
    return n > 0 && concerns(out);
}

static void tell(char kind, uint64_t number, uint64_t inode, const void *a, size_t a_size,
                 const void *b, size_t b_size) {
    uint32_t sizes[2] = {(uint32_t)a_size, (uint32_t)b_size};
    size_t size = 25 + a_size + b_size;
    char *record = malloc(size);
    if (syscall(SYS_fcntl, trace, F_GETFD) < 0) {  /* a child has closed it: open it once more */
        trace = (int)syscall(SYS_openat, AT_FDCWD, getenv("POWER_LOSS_TRACE"),
                             O_WRONLY | O_APPEND, 0600);
    }
    record[0] = kind;
    memcpy(record + 1, &number, 8);
    memcpy(record + 9, &inode, 8);
    memcpy(record + 17, sizes, 8);
    memcpy(record + 25, a, a_size);
    memcpy(record + 25 + a_size, b, b_size);
    syscall(SYS_write, trace, record, size);
    free(record);
}

static uint64_t inode_of(int fd) {
    struct stat found;
    return fstat(fd, &found) == 0 ? (uint64_t)found.st_ino : 0;
}

static int is_new(const char *path) {
    struct stat found;
    return lstat(path, &found) != 0;
}

static int opened(const char *path, int flags, int fresh, int fd) {
    if (fd >= 0 && concerns(path) && (flags & O_ACCMODE) != O_RDONLY) {
        if (fresh)
            tell('C', 0, inode_of(fd), path, strlen(path), "", 0);
        else if (flags & O_TRUNC)
            tell('T', 0, inode_of(fd), "", 0, "", 0);
    }
    return fd;
}

#define OPEN(name)                                                            \
    int name(const char *path, int flags, ...) {                              \
        mode_t mode = 0;                                                      \
        int fresh = concerns(path) && (flags & O_CREAT) && is_new(path);      \
        if (flags & (O_CREAT | O_TMPFILE)) {                                  \
            va_list more;                                                     \
            va_start(more, flags);                                            \
            mode = va_arg(more, mode_t);                                      \
            va_end(more);                                                     \
        }                                                                     \
        return opened(path, flags, fresh, REAL(name)(path, flags, mode));     \
    }
OPEN(open)
OPEN(open64)

ssize_t write(int fd, const void *data, size_t size) {
    char path[PATH_ROOM];
    ssize_t done = REAL(write)(fd, data, size);
    if (trace >= 0 && done > 0 && path_of(fd, path))
        tell('W', (uint64_t)(lseek(fd, 0, SEEK_CUR) - done), inode_of(fd), data, (size_t)done, "", 0);
    return done;
}

static int synced(int fd, int (*really)(int)) {
    char path[PATH_ROOM];
    struct stat found;
    int ours = trace >= 0 && path_of(fd, path) && fstat(fd, &found) == 0;
    uint64_t thread = (uint64_t)syscall(SYS_gettid);
    int failed;
    if (ours && !S_ISDIR(found.st_mode))
        tell('B', thread, (uint64_t)found.st_ino, "", 0, "", 0);
    failed = really(fd);
    if (ours && !failed) {
        if (S_ISDIR(found.st_mode))
            tell('D', 0, 0, path, strlen(path), "", 0);
        else
            tell('S', thread, (uint64_t)found.st_ino, "", 0, "", 0);
    }
    return failed;
}

int fsync(int fd) { return synced(fd, REAL(fsync)); }
int fdatasync(int fd) { return synced(fd, REAL(fdatasync)); }

static int cut(int fd, uint64_t size, int failed) {
    char path[PATH_ROOM];
    if (!failed && trace >= 0 && path_of(fd, path))
        tell('T', size, inode_of(fd), "", 0, "", 0);
    return failed;
}

int ftruncate(int fd, off_t size) { return cut(fd, (uint64_t)size, REAL(ftruncate)(fd, size)); }
int ftruncate64(int fd, off64_t size) {
    return cut(fd, (uint64_t)size, REAL(ftruncate64)(fd, size));
}

int rename(const char *old, const char *new) {
    int failed = REAL(rename)(old, new);
    if (!failed && concerns(new))
        tell('R', 0, 0, old, strlen(old), new, strlen(new));
    return failed;
}

int unlink(const char *path) {
    int failed = REAL(unlink)(path);
    if (!failed && concerns(path))
        tell('U', 0, 0, path, strlen(path), "", 0);
    return failed;
}

int mkdir(const char *path, mode_t mode) {
    int failed = REAL(mkdir)(path, mode);
    if (!failed && concerns(path))
        tell('M', 0, 0, path, strlen(path), "", 0);
    return failed;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    struct stat found;
    if (trace >= 0 && fstat(fd, &found) == 0 && S_ISSOCK(found.st_mode))
        for (int i = 0; i < count; i++)
            tell('A', (uint64_t)fd, 0, parts[i].iov_base, parts[i].iov_len, "", 0);
    return REAL(writev)(fd, parts, count);
}
