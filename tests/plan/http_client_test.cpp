#include "plan/http_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "support/expect_error.h"
#include "support/scripted_server.h"

namespace dreamrunner {
namespace {

using namespace test;
using testing::HasSubstr;
using testing::Not;

std::string fault_of(const HttpPost& post, const HttpLimits& limits) {
  try {
    http_post(post, limits, {});
  } catch (const HttpFault& fault) {
    return fault.what();
  }
  return "none";
}

TEST(HttpClient, SendsWhatItIsToldAndGivesBackWhatCame) {
  ScriptedServer server([](Connection& c, const std::string&, int) { c.send(http_answer(201, "hello", "Content-Type: text/plain\r\nRetry-After: 4\r\n")); });
  const HttpReply reply = http_post({server.url() + "/x", {"X-One: 1"}, "{}"}, {}, {});
  EXPECT_EQ(reply.status, 201);
  EXPECT_EQ(reply.body, "hello");
  EXPECT_EQ(reply.content_type, "text/plain");
  EXPECT_EQ(reply.retry_after_s, 4);
  EXPECT_FALSE(reply.too_long);
  const std::string request = server.requests()[0];
  EXPECT_THAT(request, testing::StartsWith("POST /v1/x HTTP/1.1\r\n"));
  EXPECT_THAT(request, HasSubstr("X-One: 1\r\n"));
  EXPECT_THAT(request, testing::EndsWith("\r\n\r\n{}"));
  EXPECT_THAT(request, Not(HasSubstr("Accept-Encoding"))) << "nothing packed is asked for, so nothing can unfold";
}

TEST(HttpClient, StopsReadingAtItsLimit) {
  ScriptedServer server([](Connection& c, const std::string&, int) { c.send(http_answer(200, std::string(1000, 'a'))); });
  const HttpReply exact = http_post({server.url(), {}, ""}, {5, 5, 1000}, {});
  EXPECT_FALSE(exact.too_long);
  EXPECT_EQ(exact.body.size(), 1000u);
  const HttpReply over = http_post({server.url(), {}, ""}, {5, 5, 999}, {});
  EXPECT_TRUE(over.too_long);
  EXPECT_EQ(over.body.size(), 999u);
}

TEST(HttpClient, FollowsNoRedirect) {
  ScriptedServer server([](Connection& c, const std::string&, int) { c.send(http_answer(307, "", "Location: /other\r\n")); });
  const HttpReply reply = http_post({server.url() + "/x", {}, ""}, {}, {});
  EXPECT_EQ(reply.status, 307);
  EXPECT_THAT(reply.location, testing::EndsWith("/other"));
  EXPECT_EQ(server.count(), 1u);
}

TEST(HttpClient, SaysWhichLimitAnSlowServerBroke) {
  ScriptedServer server([](Connection& c, const std::string&, int number) {
    if (number == 1) c.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
    c.pause(5);
  });
  EXPECT_EQ(fault_of({server.url(), {}, ""}, {0.05, 5, 100}), "no reply within 0.05 s");
  EXPECT_EQ(fault_of({server.url(), {}, ""}, {5, 0.05, 100}), "the reply stalled for 0.05 s");
}

TEST(HttpClient, GoesPastAProxyToThisMachine) {
  ScriptedServer proxy([](Connection& c, const std::string&, int) { c.send(http_answer(200, "proxy")); });
  ScriptedServer server([](Connection& c, const std::string&, int) { c.send(http_answer(200, "server")); });
  const std::string address = proxy.url();
  for (const char* name : {"http_proxy", "all_proxy"}) ::setenv(name, address.c_str(), 1);
  EXPECT_EQ(http_post({server.url(), {}, ""}, {}, {}).body, "server");
  for (const char* name : {"http_proxy", "all_proxy"}) ::unsetenv(name);
  EXPECT_EQ(proxy.count(), 0u);
}

TEST(HttpClient, KnowsThisMachine) {
  for (const char* url : {"http://127.0.0.1:8080/v1", "http://localhost", "http://[::1]:80/", "https://127.9.8.7/x"}) EXPECT_TRUE(is_loopback(url)) << url;
  for (const char* url : {"http://128.0.0.1/", "https://localhost.example/", "http://example.org/127.0.0.1", "http://127.example.invalid/v1", "http://127.0.0.1.example.org/", "http://127.0.0.1x/", ""}) EXPECT_FALSE(is_loopback(url)) << url;
}

TEST(HttpClient, RefusesAddressesThatHideAKeyOrAreNoWeb) {
  for (const char* url : {"http://127.0.0.1:8080/v1", "https://example.org/v1/"}) EXPECT_NO_THROW(check_http_url(url)) << url;
  for (const char* url : {"", "not an address", "ftp://example.org/v1", "file:///etc/passwd", "http://", "http://me:secret-word@example.org/v1",
                          "http://secret-word@example.org/v1", "http://example.org/v1?key=secret-word", "http://example.org/v1#secret-word"}) {
    SCOPED_TRACE(url);
    EXPECT_THAT(expect_error(ErrorKind::usage, [&] { check_http_url(url); }), Not(HasSubstr("secret-word")));
  }
}

}  // namespace
}  // namespace dreamrunner
