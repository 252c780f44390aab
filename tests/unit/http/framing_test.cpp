#include "http/framing.h"

#include <gtest/gtest.h>

#include <string>

namespace caravan::http {
namespace {

using namespace std::string_literals;

/// The status that a head earns; 200 where it is accepted.
int verdict(const std::string& head, Framing* framing = nullptr) {
  std::size_t line = 0;
  std::optional<Refusal> refusal;
  const auto length = find_head_end(head, line, refusal);
  if (refusal) return refusal->status;
  if (length != head.size()) return -1;
  Framing result;
  refusal = check_head(head, result);
  if (framing != nullptr) *framing = result;
  return refusal ? refusal->status : 200;
}

std::string post(const std::string& fields) {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
}

TEST(Head, AcceptsOrdinaryRequests) {
  Framing framing;
  EXPECT_EQ(verdict("GET / HTTP/1.1\r\nHost: example.com:8080\r\n\r\n", &framing), 200);
  EXPECT_TRUE(framing.keep_alive);
  EXPECT_EQ(verdict("HEAD / HTTP/1.0\r\n\r\n", &framing), 200);
  EXPECT_FALSE(framing.keep_alive);
  EXPECT_TRUE(framing.head_method);
  EXPECT_EQ(verdict("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", &framing), 200);
  EXPECT_TRUE(framing.keep_alive);
  EXPECT_EQ(
      verdict("GET http://a.example/x?y HTTP/1.1\r\nHost: b\r\nconnection: te, CLOSE\r\n\r\n", &framing),
      200);
  EXPECT_FALSE(framing.keep_alive);
  EXPECT_EQ(verdict("GET / HTTP/1.1\r\nHost: [::1]:80\r\nX:\r\nY: \t a b \t\r\n\r\n"), 200);
  EXPECT_EQ(verdict(post("Content-Length: 12\r\n"), &framing), 200);
  EXPECT_EQ(framing.content_length, 12u);
  EXPECT_EQ(verdict(post("Transfer-Encoding: Chunked\r\nExpect: 100-Continue\r\n"), &framing), 200);
  EXPECT_TRUE(framing.chunked);
  EXPECT_TRUE(framing.expects_continue);
}

TEST(Head, RefusesAmbiguousFraming) {
  EXPECT_EQ(verdict(post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")), 400);
  EXPECT_EQ(verdict(post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n")), 400);
  EXPECT_EQ(verdict(post("Content-Length: 5\r\nContent-Length: 5\r\n")), 400);
  EXPECT_EQ(verdict(post("Content-Length: 5\r\ncontent-length: 6\r\n")), 400);
  for (const char* length : {"", "+5", "-5", "5, 5", "0x5", "5 5", "5;", "1e3", "99999999999999999999"}) {
    EXPECT_EQ(verdict(post("Content-Length: " + std::string(length) + "\r\n")), 400) << length;
  }
  EXPECT_EQ(verdict(post("Transfer-Encoding: chunked, chunked\r\n")), 400);
  EXPECT_EQ(verdict(post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")), 400);
  EXPECT_EQ(verdict(post("Transfer-Encoding:\r\n")), 400);
  EXPECT_EQ(verdict(post("Transfer-Encoding: ,chunked\r\n")), 400);
  EXPECT_EQ(verdict("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
  EXPECT_EQ(verdict(post("Transfer-Encoding: \x0b"
                         "chunked\r\n")),
            400);
}

TEST(Head, AnswersUnknownCodingsMethodsVersionsAndExpectations) {
  for (const char* coding :
       {"gzip", "gzip, chunked", "identity", "xchunked", "chunked;q=1", "\"chunked\"", "chunked, identity"}) {
    EXPECT_EQ(verdict(post("Transfer-Encoding: " + std::string(coding) + "\r\n")), 501) << coding;
  }
  EXPECT_EQ(verdict("get / HTTP/1.1\r\nHost: a\r\n\r\n"), 501);
  EXPECT_EQ(verdict("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n"), 501);
  EXPECT_EQ(verdict("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n"), 501);
  EXPECT_EQ(verdict(std::string(40, 'A') + " / HTTP/1.1\r\nHost: a\r\n\r\n"), 501);
  EXPECT_EQ(verdict("GET / HTTP/1.2\r\nHost: a\r\n\r\n"), 505);
  EXPECT_EQ(verdict("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), 505);
  EXPECT_EQ(verdict("PRI * HTTP/2.0\r\n\r\n"), 505);
  EXPECT_EQ(verdict(post("Expect: 200-ok\r\n")), 417);
}

TEST(Head, RefusesMalformedLines) {
  for (const char* line :
       {"GET /", "GET  / HTTP/1.1", "GET / HTTP/1.1 ", " GET / HTTP/1.1", "GET / http/1.1", "GET / HTTP/1.10",
        "GET\t/ HTTP/1.1", "GET / HTTP/11", "G@T / HTTP/1.1", "GET x HTTP/1.1", "GET /a#b HTTP/1.1",
        "GET ftp://a/ HTTP/1.1", "GET http:// HTTP/1.1", "GET http://u@h/ HTTP/1.1", "GET * HTTP/1.1", ""}) {
    EXPECT_EQ(verdict(std::string(line) + "\r\nHost: a\r\n\r\n"), line[0] == '\0' ? -1 : 400) << line;
  }
  EXPECT_EQ(verdict("GET / HTTP/1.1\r\nHost : a\r\n\r\n"), 400);
  EXPECT_EQ(verdict("GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n folded\r\n\r\n"), 400);
  EXPECT_EQ(verdict("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), 400);
  EXPECT_EQ(verdict("GET / HTTP/1.1\r\nHost: a\r\nNoColon\r\n\r\n"), 400);
  EXPECT_EQ(verdict("GET / HTTP/1.1\r\nHost: a\r\n: empty\r\n\r\n"), 400);
  EXPECT_EQ(verdict("GET / HTTP/1.1\r\nHost: a\r\nX(y): 1\r\n\r\n"), 400);
  EXPECT_EQ(verdict("GET / HTTP/1.1\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(verdict("GET / HTTP/1.1\r\nHost: a\n\r\n"), 400);
  EXPECT_EQ(verdict("GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n"), 400);
  EXPECT_EQ(verdict("GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"s), 400);
  EXPECT_EQ(verdict("GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"s), 400);
}

TEST(Head, WantsOneHost) {
  EXPECT_EQ(verdict("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(verdict("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), 400);
  for (const char* host : {"", "a b", "a/b", "u@a", "a:b", "a:123456", "[::1", "[]", "a,b", "a?b"}) {
    EXPECT_EQ(verdict("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n"), 400) << host;
  }
}

TEST(Head, BoundsFields) {
  const auto head = [](std::size_t count) {
    std::string text = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (std::size_t i = 1; i < count; ++i) text += "X: 1\r\n";
    return text + "\r\n";
  };
  EXPECT_EQ(verdict(head(100)), 200);
  EXPECT_EQ(verdict(head(101)), 431);
  EXPECT_EQ(verdict(post("X: " + std::string(8001, 'a') + "\r\n")), 431);
  EXPECT_EQ(verdict(post(std::string(251, 'a') + ": 1\r\n")), 431);
  EXPECT_EQ(verdict("GET /" + std::string(16'000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n"), 414);
}

TEST(Head, IsFoundWhereverThePacketsAreCut) {
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n";
  std::size_t line = 0;
  std::optional<Refusal> refusal;
  for (std::size_t i = 0; i < head.size(); ++i)
    EXPECT_EQ(find_head_end(head.substr(0, i), line, refusal), 0u) << i;
  EXPECT_EQ(find_head_end(head + "rest", line, refusal), head.size());
  EXPECT_FALSE(refusal);
}

/// Decodes `input` given in pieces of `piece` bytes. Empty optional: refused. The number of consumed bytes
/// goes to `used`.
std::optional<std::string> decode(const std::string& input, std::size_t piece, std::size_t* used = nullptr) {
  ChunkedDecoder decoder;
  std::string body, pending;
  std::size_t total = 0;
  for (std::size_t at = 0; at < input.size();) {
    pending += input.substr(at, piece);
    at += piece;
    while (true) {
      const auto step = decoder.step(pending);
      if (step.refusal) return std::nullopt;
      body += step.data;
      pending.erase(0, step.consumed);
      total += step.consumed;
      if (step.done) {
        if (used != nullptr) *used = total;
        return body;
      }
      if (step.consumed == 0) break;
    }
  }
  return body + "(unfinished)";
}

TEST(Chunks, DecodeInAnyPieces) {
  const std::string input = "5\r\nHello\r\n00A;name=\"v\"\r\n, world!!!\r\n0\r\nX-Trailer: 1\r\n\r\nGET";
  for (std::size_t piece = 1; piece <= input.size(); ++piece) {
    std::size_t used = 0;
    EXPECT_EQ(decode(input, piece, &used), "Hello, world!!!") << piece;
    EXPECT_EQ(used, input.size() - 3);
  }
}

TEST(Chunks, RefuseWhatIsNotPlain) {
  for (const std::string input :
       {"\r\n", "g\r\n", "-1\r\n", "+1\r\n", "0x1\r\n", " 1\r\n", "1 \r\na\r\n", "1\na\r\n", "1\r\nab\r\n",
        "1\r\na\n", "1\r\naX\r\n", "FFFFFFFFFFFFFFFF1\r\n", "10000000000000000\r\n", "0\r\n bad: 1\r\n\r\n",
        "0\r\nbad 1\r\n\r\n", "0\r\nX: 1\n\r\n", "1;a\x01\r\na\r\n"}) {
    for (std::size_t piece : {std::size_t{1}, input.size()})
      EXPECT_EQ(decode(input, piece), std::nullopt) << input;
  }
  EXPECT_EQ(decode("1;" + std::string(300, 'x') + "\r\na\r\n", 1000), std::nullopt);
  EXPECT_EQ(decode(std::string(300, '0'), 7), std::nullopt);
  std::string many;
  for (int i = 0; i < 200; ++i) many += "1;" + std::string(200, 'x') + "\r\na\r\n";
  EXPECT_EQ(decode(many, 1000), std::nullopt);
  std::string trailers = "0\r\n";
  for (int i = 0; i < 101; ++i) trailers += "X: 1\r\n";
  EXPECT_EQ(decode(trailers + "\r\n", 1000), std::nullopt);
}

}  // namespace
}  // namespace caravan::http
