#include "plan/http_client.h"

#include <arpa/inet.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <new>

#include <fmt/format.h>

#include "base/error.h"
#include "plan/http_library.h"

namespace dreamrunner {
namespace {

using Time = std::chrono::steady_clock::time_point;

struct Free {
  void operator()(CURL* handle) const { http_library().easy_cleanup(handle); }
  void operator()(CURLU* handle) const { http_library().url_cleanup(handle); }
  void operator()(curl_slist* list) const { http_library().slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, Free>;
using Address = std::unique_ptr<CURLU, Free>;
using Lines = std::unique_ptr<curl_slist, Free>;

/// A transfer in progress. Takes the handle out again before either is freed, as libcurl demands.
class Transfer {
 public:
  explicit Transfer(CURL* easy) : multi_(http_library().multi_init()), easy_(easy) {
    if (multi_ == nullptr || http_library().multi_add_handle(multi_, easy_) != CURLM_OK) throw std::bad_alloc();
  }
  ~Transfer() {
    http_library().multi_remove_handle(multi_, easy_);
    http_library().multi_cleanup(multi_);
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  /// True while there is more to come.
  bool step() {
    int running = 0;
    const CURLMcode code = http_library().multi_perform(multi_, &running);
    if (code != CURLM_OK) throw HttpFault(http_library().multi_strerror(code));
    return running > 0;
  }
  void wait(int at_most_ms) { http_library().multi_poll(multi_, nullptr, 0, at_most_ms, nullptr); }
  CURLcode result() const {
    int left = 0;
    const CURLMsg* message = http_library().multi_info_read(multi_, &left);
    return message != nullptr ? message->data.result : CURLE_RECV_ERROR;
  }

 private:
  CURLM* multi_;
  CURL* easy_;
};

/// What has come so far.
struct Incoming {
  HttpReply reply;
  uint64_t max_bytes = 0;
  uint64_t header_bytes = 0;
  bool begun = false;
  Time last_byte;

  void touch() {
    begun = true;
    last_byte = std::chrono::steady_clock::now();
  }
};

/// No server needs more; without a bound, headers (or endless "100 Continue") could fill the memory.
constexpr uint64_t kMaxHeaderBytes = 64u << 10;

/// libcurl's callbacks; an exception must not pass through it.
size_t on_header(char*, size_t size, size_t count, void* user) noexcept {
  auto& in = *static_cast<Incoming*>(user);
  in.touch();
  in.header_bytes += size * count;
  return in.header_bytes <= kMaxHeaderBytes ? size * count : 0;
}

size_t on_body(char* data, size_t size, size_t count, void* user) noexcept {
  auto& in = *static_cast<Incoming*>(user);
  in.touch();
  const size_t bytes = size * count;
  const size_t room = in.max_bytes - in.reply.body.size();
  in.reply.body.append(data, std::min(bytes, room));
  in.reply.too_long = bytes > room;
  return in.reply.too_long ? 0 : bytes;
}

/// One part of an address; empty where there is none.
std::string part_of(CURLU* address, CURLUPart part) {
  char* text = nullptr;
  if (http_library().url_get(address, part, &text, 0) != CURLUE_OK) return {};
  std::string copy = text;
  http_library().free(text);
  return copy;
}

Address parse(const std::string& url) {
  Address address(http_library().url());
  if (!address) throw std::bad_alloc();
  if (http_library().url_set(address.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return nullptr;
  return address;
}

std::string text_of(CURL* easy, CURLINFO info) {
  const char* text = nullptr;
  http_library().easy_getinfo(easy, info, &text);
  return text != nullptr ? text : "";
}

/// Runs the transfer to its end, its limits or a stop.
CURLcode run_transfer(CURL* easy, const Incoming& in, const HttpLimits& limits, const RunContext& run) {
  const Time begin = std::chrono::steady_clock::now();
  const auto since = [](Time time) { return std::chrono::duration<double>(std::chrono::steady_clock::now() - time).count(); };
  Transfer transfer(easy);
  while (transfer.step()) {
    run.check();
    double left = limits.total_s - since(begin);
    if (left <= 0) throw HttpFault(fmt::format("{} within {:.3g} s", in.begun ? "the reply was not whole" : "no reply", limits.total_s));
    if (in.begun) {
      const double patience = limits.stall_s - since(in.last_byte);
      if (patience <= 0) throw HttpFault(fmt::format("the reply stalled for {:.3g} s", limits.stall_s));
      left = std::min(left, patience);
    }
    transfer.wait(static_cast<int>(std::ceil(std::min(left, 0.05) * 1000)));
  }
  return transfer.result();
}

/// Four decimal numbers, the first of them 127; a name may begin with "127." too.
bool is_loopback_number(const std::string& host) {
  in_addr address{};
  return ::inet_pton(AF_INET, host.c_str(), &address) == 1 && (ntohl(address.s_addr) >> 24) == 127;
}

}  // namespace

bool is_loopback(const std::string& url) {
  const Address address = parse(url);
  if (!address) return false;
  const std::string host = part_of(address.get(), CURLUPART_HOST);
  return host == "localhost" || host == "[::1]" || is_loopback_number(host);
}

void check_http_url(const std::string& url) {
  // The address itself may hold what must not be shown, so messages name the part and not its text.
  const auto refuse = [](const std::string& what) {
    throw Error(ErrorKind::usage, "planner.url: " + what, "write it like http://127.0.0.1:8080/v1");
  };
  const Address address = parse(url);
  if (!address) refuse("is no address");
  const std::string scheme = part_of(address.get(), CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") refuse(fmt::format("found {}, http or https expected", scheme));
  if (!part_of(address.get(), CURLUPART_USER).empty() || !part_of(address.get(), CURLUPART_PASSWORD).empty()) {
    refuse("holds a user or a password; a key comes from the environment only");
  }
  if (!part_of(address.get(), CURLUPART_QUERY).empty()) refuse("holds a query (?...); a key comes from the environment only");
  if (!part_of(address.get(), CURLUPART_FRAGMENT).empty()) refuse("holds a fragment (#...)");
}

HttpReply http_post(const HttpPost& post, const HttpLimits& limits, const RunContext& run) {
  run.check();
  const Easy easy(http_library().easy_init());
  if (!easy) throw std::bad_alloc();
  Lines lines;
  // "Expect:" without a value: no waiting for "100 Continue" before the body.
  for (const std::string& line : {std::string("Expect:"), std::string("Accept: application/json")}) {
    lines.reset(http_library().slist_append(lines.release(), line.c_str()));
  }
  for (const std::string& line : post.headers) lines.reset(http_library().slist_append(lines.release(), line.c_str()));

  Incoming in;
  in.max_bytes = limits.max_bytes;
  char reason[CURL_ERROR_SIZE] = "";
  const auto set = [&](CURLoption option, auto value) {
    if (const CURLcode code = http_library().easy_setopt(easy.get(), option, value); code != CURLE_OK) {
      throw Error(ErrorKind::bug, fmt::format("libcurl refuses option {}: {}", static_cast<int>(option), http_library().easy_strerror(code)));
    }
  };
  set(CURLOPT_URL, post.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_QUICK_EXIT, 1L);  // A name server that is slow to answer must not delay a stop.
  set(CURLOPT_ERRORBUFFER, reason);
  set(CURLOPT_USERAGENT, "dreamrunner");
  set(CURLOPT_HTTPHEADER, lines.get());
  set(CURLOPT_POST, 1L);
  set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(post.body.size()));
  set(CURLOPT_POSTFIELDS, post.body.data());
  set(CURLOPT_HEADERFUNCTION, on_header);
  set(CURLOPT_HEADERDATA, &in);
  set(CURLOPT_WRITEFUNCTION, on_body);
  set(CURLOPT_WRITEDATA, &in);
  if (is_loopback(post.url)) set(CURLOPT_PROXY, "");

  const CURLcode code = run_transfer(easy.get(), in, limits, run);
  if (code != CURLE_OK && !in.reply.too_long) {
    if (in.header_bytes > kMaxHeaderBytes) throw HttpFault(fmt::format("more than {} bytes of headers", kMaxHeaderBytes));
    throw HttpFault(reason[0] != '\0' ? reason : http_library().easy_strerror(code));
  }
  http_library().easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &in.reply.status);
  in.reply.content_type = text_of(easy.get(), CURLINFO_CONTENT_TYPE);
  in.reply.location = text_of(easy.get(), CURLINFO_REDIRECT_URL);
  curl_off_t retry_after = 0;
  if (http_library().easy_getinfo(easy.get(), CURLINFO_RETRY_AFTER, &retry_after) == CURLE_OK) in.reply.retry_after_s = static_cast<double>(retry_after);
  return std::move(in.reply);
}

}  // namespace dreamrunner
