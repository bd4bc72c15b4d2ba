#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace dreamrunner::test {

/// A client's connection, in the hands of a script. Whatever the client does, no call blocks for long.
class Connection {
 public:
  Connection(int socket, const std::atomic<bool>& stop) : socket_(socket), stop_(stop) {}
  ~Connection() { ::close(socket_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Reads one request, headers and a body of Content-Length; at most 1 MiB.
  std::string read_request() {
    std::string text;
    size_t whole = std::string::npos;
    while (text.size() < whole && text.size() < (1u << 20) && wait_for(POLLIN)) {
      char buffer[4096];
      const ssize_t got = ::recv(socket_, buffer, sizeof(buffer), 0);
      if (got <= 0) break;
      text.append(buffer, static_cast<size_t>(got));
      const size_t end = text.find("\r\n\r\n");
      if (end == std::string::npos) continue;
      const size_t length = text.find("Content-Length: ");
      whole = end + 4 + (length < end ? std::strtoul(text.c_str() + length + 16, nullptr, 10) : 0);
    }
    return text;
  }

  /// Sends all bytes; false once the client is gone.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      if (!wait_for(POLLOUT)) return false;
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent <= 0) return false;
      sent_ += static_cast<size_t>(sent);
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }

  /// Does nothing for a while; ends early when the client goes.
  bool pause(double seconds) {
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + std::chrono::duration<double>(seconds);
    while (Clock::now() < end && !stop_) {
      pollfd one{socket_, POLLRDHUP, 0};
      if (::poll(&one, 1, 5) > 0) return false;
    }
    return !stop_;
  }

  /// Makes the connection end with a reset.
  void reset_at_end() {
    const linger now{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  }

  size_t sent() const { return sent_; }

 private:
  bool wait_for(short event) {
    for (int tries = 0; tries < 400 && !stop_; ++tries) {
      pollfd one{socket_, event, 0};
      if (::poll(&one, 1, 5) > 0) return (one.revents & event) != 0;
    }
    return false;
  }

  int socket_;
  const std::atomic<bool>& stop_;
  size_t sent_ = 0;
};

/// An HTTP answer with its Content-Length. `headers` are whole lines, each with its line end.
inline std::string http_answer(int status, std::string_view body, std::string_view headers = "Content-Type: application/json\r\n") {
  return "HTTP/1.1 " + std::to_string(status) + " Scripted\r\n" + std::string(headers) + "Content-Length: " + std::to_string(body.size()) +
         "\r\nConnection: close\r\n\r\n" + std::string(body);
}

/// A server on 127.0.0.1, at a port of the system's choice, that answers connection after connection as a script says.
/// The script runs on the server's thread: `script(connection, request, number)`, numbers from 0.
class ScriptedServer {
 public:
  using Script = std::function<void(Connection&, const std::string& request, int number)>;

  explicit ScriptedServer(Script script) : script_(std::move(script)), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (listener_ < 0 || ::bind(listener_, generic, size) != 0 || ::listen(listener_, 16) != 0 ||
        ::getsockname(listener_, generic, &size) != 0) {
      throw std::runtime_error("no socket for the scripted server");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~ScriptedServer() { shut(); }
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  /// Ends the server: whoever connects from now on is refused.
  void shut() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
    if (listener_ >= 0) ::close(std::exchange(listener_, -1));
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/v1"; }

  /// What was received so far, whole requests.
  std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  size_t count() const { return requests().size(); }
  /// The most bytes that one answer came to.
  size_t longest_answer() const { return longest_; }

 private:
  void serve() {
    while (!stop_) {
      pollfd one{listener_, POLLIN, 0};
      if (::poll(&one, 1, 5) <= 0) continue;
      const int socket = ::accept(listener_, nullptr, nullptr);
      if (socket < 0) continue;
      Connection connection(socket, stop_);
      const std::string request = connection.read_request();
      int number = 0;
      {
        const std::lock_guard lock(mutex_);
        number = static_cast<int>(requests_.size());
        requests_.push_back(request);
      }
      script_(connection, request, number);
      longest_ = std::max(longest_.load(), connection.sent());
    }
  }

  Script script_;
  int listener_;
  int port_ = 0;
  std::atomic<bool> stop_ = false;
  std::atomic<size_t> longest_ = 0;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

}  // namespace dreamrunner::test
