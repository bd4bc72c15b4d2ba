#include "media/lock_down_check.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>

namespace dreamrunner {
namespace {

int start_process() {
  const pid_t child = ::fork();
  if (child == 0) std::_Exit(0);
  if (child > 0) ::waitpid(child, nullptr, 0);
  return child;
}

/// Of a file that is not there: ENOENT means that another could be run.
int execute() {
  const char* const arguments[] = {"none", nullptr};
  return ::execv("", const_cast<char* const*>(arguments));
}

int map(int protection, int flags, int fd) {
  void* memory = ::mmap(nullptr, 4096, protection, flags, fd, 0);
  return memory == MAP_FAILED ? -1 : 0;
}

int make_stack_executable() {
  const auto page = reinterpret_cast<uintptr_t>(__builtin_frame_address(0)) & ~uintptr_t{4095};
  return ::mprotect(reinterpret_cast<void*>(page), 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
}

int raise_limit(__rlimit_resource what) {
  rlimit more{RLIM_INFINITY, RLIM_INFINITY};
  return ::setrlimit(what, &more);
}

}  // namespace

std::vector<Attempt> forbidden_attempts(int readable) {
  std::vector<Attempt> attempts;
  const auto attempt = [&](const char* name, auto action) {
    errno = 0;
    attempts.push_back({name, action() < 0 ? errno : 0});
  };
  attempt("open", [] { return ::open("/etc/passwd", O_RDONLY); });
  attempt("open-folder", [] { return ::open("/", O_RDONLY | O_DIRECTORY); });
  attempt("create", [] { return ::open("/tmp/dreamrunner-self-test", O_WRONLY | O_CREAT, 0600); });
  attempt("stat", [] { struct stat status; return ::stat("/etc/passwd", &status); });
  attempt("unlink", [] { return ::unlink("/tmp/dreamrunner-self-test"); });
  attempt("write-video", [&] { return static_cast<int>(::write(readable, "", 1)); });
  attempt("duplicate", [] { return ::dup(0); });
  attempt("memory-file", [] { return ::memfd_create("x", 0); });
  attempt("socket-inet", [] { return ::socket(AF_INET, SOCK_STREAM, 0); });
  attempt("socket-unix", [] { return ::socket(AF_UNIX, SOCK_DGRAM, 0); });
  attempt("fork", start_process);
  attempt("exec", execute);
  attempt("kill-parent", [] { return ::kill(::getppid(), 0); });
  attempt("trace", [] { return static_cast<int>(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr)); });
  attempt("map-file", [&] { return map(PROT_READ, MAP_PRIVATE, readable); });
  attempt("map-code", [] { return map(PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1); });
  attempt("code-on-stack", make_stack_executable);
  attempt("more-memory", [] { return raise_limit(RLIMIT_AS); });
  attempt("more-descriptors", [] { return raise_limit(RLIMIT_NOFILE); });
  attempt("dumpable", [] { return ::prctl(PR_SET_DUMPABLE, 1); });
  return attempts;
}

}  // namespace dreamrunner
