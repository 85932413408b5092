// Preloaded into a process, this records what it does to the files under a folder: writes, cuts, removals, and when a sync of a
// file began and ended. Every record is one appending write to the log, so records of several processes keep their order.
//
// A write is recorded after it returned and a sync before and after, so a write counts as synced only if it was over when the
// sync began. What is mapped into memory is not seen: SQLite maps its index of the log alone, which it makes again at every start.
//
// A record: kind (1 byte), length of the path (2), number (8), length of the data (4), path, data; numbers in the machine's order.
// The number is the offset of a write, the new length of a cut, the id of a sync.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static int log_fd = -1;
static const char *root;
static size_t root_len;
static atomic_ulong syncs;

#define REAL(name) \
  static __typeof__(name) *real; \
  if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void start(void) {
  const char *log = getenv("POWER_LOG");
  root = getenv("POWER_ROOT");
  if (!log || !root) return;
  root_len = strlen(root);
  log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log_fd < 0) abort();
}

static int is_inside(const char *path) { return log_fd >= 0 && !strncmp(path, root, root_len) && path[root_len] == '/'; }

// The path of an open file below the folder.
static int path_of(int fd, char path[PATH_MAX]) {
  if (log_fd < 0 || fd == log_fd) return 0;
  char link[32];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t len = readlink(link, path, PATH_MAX - 1);
  if (len <= 0) return 0;
  path[len] = 0;
  return is_inside(path) && !strstr(path, " (deleted)");
}

static void record(char kind, const char *path, uint64_t number, const void *data, uint32_t len) {
  ssize_t (*append)(int, const struct iovec *, int) = dlsym(RTLD_NEXT, "writev");
  uint16_t path_len = strlen(path);
  struct iovec parts[] = {{&kind, 1}, {&path_len, 2}, {&number, 8}, {&len, 4}, {(void *)path, path_len}, {(void *)data, len}};
  ssize_t whole = 15 + path_len + len;
  // A record that is cut off would make all that follows unreadable.
  if (append(log_fd, parts, 6) != whole) abort();
}

static void wrote(int fd, const void *data, ssize_t len, off_t offset) {
  char path[PATH_MAX];
  int kept = errno;
  if (len > 0 && path_of(fd, path)) {
    if (offset < 0) offset = lseek(fd, 0, SEEK_CUR) - len;
    record('W', path, offset, data, len);
  }
  errno = kept;
}

ssize_t write(int fd, const void *data, size_t len) {
  REAL(write);
  ssize_t done = real(fd, data, len);
  wrote(fd, data, done, -1);
  return done;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  REAL(writev);
  char path[PATH_MAX];
  if (!path_of(fd, path)) return real(fd, parts, count);
  // One part at a time: a short write is allowed, and its caller goes on from there.
  for (int i = 0; i < count; i++)
    if (parts[i].iov_len) return write(fd, parts[i].iov_base, parts[i].iov_len);
  return 0;
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t offset) {
  REAL(pwrite64);
  ssize_t done = real(fd, data, len, offset);
  wrote(fd, data, done, offset);
  return done;
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset) { return pwrite64(fd, data, len, offset); }

int ftruncate64(int fd, off64_t len) {
  REAL(ftruncate64);
  char path[PATH_MAX];
  int done = real(fd, len);
  if (!done && path_of(fd, path)) record('T', path, len, "", 0);
  return done;
}

int ftruncate(int fd, off_t len) { return ftruncate64(fd, len); }

static int synced(int fd, int (*real)(int)) {
  char path[PATH_MAX];
  int is_recorded = path_of(fd, path);
  uint64_t id = (uint64_t)getpid() << 32 | atomic_fetch_add(&syncs, 1);
  if (is_recorded) record('B', path, id, "", 0);
  int done = real(fd);
  if (is_recorded && !done) record('E', path, id, "", 0);
  return done;
}

int fsync(int fd) {
  REAL(fsync);
  return synced(fd, real);
}

int fdatasync(int fd) {
  REAL(fdatasync);
  return synced(fd, real);
}

int unlink(const char *path) {
  REAL(unlink);
  int done = real(path);
  if (!done && is_inside(path)) record('U', path, 0, "", 0);
  return done;
}

int rename(const char *from, const char *to) {
  REAL(rename);
  // Nothing that is recorded renames files; whoever begins to must teach the reader what survives of it.
  if (is_inside(from) || is_inside(to)) abort();
  return real(from, to);
}

static int opened(int fd, const char *path, int flags) {
  char whole[PATH_MAX];
  if (fd >= 0 && (flags & O_TRUNC) && is_inside(path) && path_of(fd, whole)) record('T', whole, 0, "", 0);
  if (fd >= 0 && (flags & O_CREAT) && path_of(fd, whole)) record('C', whole, 0, "", 0);
  return fd;
}

int open64(const char *path, int flags, ...) {
  REAL(open64);
  va_list more;
  va_start(more, flags);
  int mode = (flags & O_CREAT) ? va_arg(more, int) : 0;
  va_end(more);
  return opened(real(path, flags, mode), path, flags);
}

int open(const char *path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  int mode = (flags & O_CREAT) ? va_arg(more, int) : 0;
  va_end(more);
  return open64(path, flags, mode);
}
