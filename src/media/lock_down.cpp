#include "media/lock_down.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <fmt/format.h>

#include "base/error.h"

namespace dreamrunner {
namespace {

void require(bool done, const char* what) {
  if (!done) throw Error(ErrorKind::storage, fmt::format("{}: {}", what, std::strerror(errno)));
}

void close_from(int first) {
  if (::close_range(static_cast<unsigned>(first), ~0u, 0) == 0) return;
  // Linux before 5.9.
  for (int fd = first, end = static_cast<int>(::sysconf(_SC_OPEN_MAX)); fd < end; ++fd) ::close(fd);
}

/// Has the kernel send SIGIO, which nobody handles and which therefore ends the process, when the connection is closed at its
/// other end. PR_SET_PDEATHSIG would not do: it also fires when only the thread that started this process ends. Where the
/// kernel cannot, the limit of processor time and the next write into the broken pipe remain.
void end_with_other_end(int fd) {
  ::fcntl(fd, F_SETOWN, ::getpid());
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_ASYNC);
  pollfd closed{fd, 0, 0};
  if (::poll(&closed, 1, 0) == 1) std::_Exit(1);  // Before the kernel was asked to tell.
}

void drop_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> none{};
  require(::syscall(SYS_capset, &header, none.data()) == 0, "dropping capabilities");
}

void limit(__rlimit_resource what, int64_t value, const char* name) {
  rlimit now{};
  require(::getrlimit(what, &now) == 0, name);
  // A hard limit that is lower already stays.
  const auto most = std::min<rlim_t>(static_cast<rlim_t>(value), now.rlim_max);
  // Processor time: SIGXCPU, which says what happened, comes a second before the SIGKILL of the hard limit.
  const rlimit lower{most, what == RLIMIT_CPU ? std::min<rlim_t>(most + 1, now.rlim_max) : most};
  require(::setrlimit(what, &lower) == 0, name);
}

struct ReleaseFilter {
  void operator()(void* filter) const { ::seccomp_release(filter); }
};

/// A list of what is allowed; everything else fails with EPERM, so that a library that only tries something goes on.
std::string filter_system_calls() {
  const std::unique_ptr<void, ReleaseFilter> filter(::seccomp_init(SCMP_ACT_ERRNO(EPERM)));
  if (!filter) return "libseccomp does not know this processor";
  ::seccomp_attr_set(filter.get(), SCMP_FLTATR_API_SYSRAWRC, 1);  // The kernel's own reason, if it refuses.
  int failed = 0;
  const auto allow = [&](int call, auto... conditions) {
    const std::array<scmp_arg_cmp, sizeof...(conditions)> list{conditions...};
    const int code = ::seccomp_rule_add_array(filter.get(), SCMP_ACT_ALLOW, call, sizeof...(conditions), list.data());
    // EDOM: a call that this processor's table does not have.
    if (code != 0 && code != -EDOM && failed == 0) failed = code;
  };
  for (const int call : {
           // What is open already.
           SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(lseek), SCMP_SYS(_llseek),
           SCMP_SYS(fstat), SCMP_SYS(fstat64), SCMP_SYS(close),
           // Memory, but see below.
           SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
           // Locks, clocks and numbers of the C and C++ libraries.
           SCMP_SYS(futex), SCMP_SYS(futex_time64), SCMP_SYS(clock_gettime), SCMP_SYS(clock_gettime64), SCMP_SYS(clock_getres),
           SCMP_SYS(clock_getres_time64), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(getrandom), SCMP_SYS(sched_getaffinity),
           SCMP_SYS(sched_yield), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(restart_syscall),
           // The end, in peace or by abort().
           SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigreturn), SCMP_SYS(exit), SCMP_SYS(exit_group)}) {
    allow(call);
  }
  allow(SCMP_SYS(tgkill), SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(::getpid())));
  // Fresh memory only, and never code: no file can be mapped, and nothing that was written can be run.
  for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mmap2)}) {
    allow(call, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0), SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS));
  }
  allow(SCMP_SYS(mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
  const int loaded = failed != 0 ? failed : ::seccomp_load(filter.get());
  return loaded == 0 ? "" : std::strerror(-loaded);
}

}  // namespace

std::string lock_down(int last_descriptor, const LockDownLimits& limits) {
  ::clearenv();
  close_from(last_descriptor + 1);
  end_with_other_end(0);
  require(::prctl(PR_SET_DUMPABLE, 0) == 0, "forbidding core files");
  require(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "forbidding new privileges");
  limit(RLIMIT_CORE, 0, "limit of core files");
  limit(RLIMIT_FSIZE, 0, "limit of written files");
  limit(RLIMIT_NOFILE, last_descriptor + 1, "limit of descriptors");
  limit(RLIMIT_NPROC, 0, "limit of processes");
  limit(RLIMIT_CPU, limits.processor_s, "limit of processor time");
  limit(RLIMIT_AS, limits.memory_bytes, "limit of memory");
  drop_capabilities();
  return filter_system_calls();
}

}  // namespace dreamrunner
