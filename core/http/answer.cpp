#include "http/answer.h"

#include <Poco/Net/HTTPResponse.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <random>

#include "api/problem.h"

namespace caravan::http {
namespace {

const char* stable_code(int status) {
  switch (status) {
    case 408:
      return "timeout";
    case 413:
    case 414:
    case 431:
      return "too_large";
    case 417:
    case 501:
    case 505:
      return "not_supported";
    case 500:
      return "internal";
    case 503:
      return "unavailable";
    default:
      return "invalid_argument";
  }
}

std::string reason(int status) {
  switch (status) {
    case 422:
      return "Unprocessable Content";
    case 431:
      return "Request Header Fields Too Large";
    case 428:
      return "Precondition Required";
    case 429:
      return "Too Many Requests";
    default:
      return Poco::Net::HTTPResponse::getReasonForStatus(
          static_cast<Poco::Net::HTTPResponse::HTTPStatus>(status));
  }
}

/// `Sat, 21 Nov 2026 22:40:06 GMT`, made once a second and thread.
std::string_view http_date() {
  struct Cached {
    std::time_t at = -1;
    std::array<char, 32> text{};
  };
  thread_local Cached cached;
  const auto now = std::time(nullptr);
  if (now != cached.at) {
    static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::tm utc{};
    gmtime_r(&now, &utc);
    std::snprintf(cached.text.data(), cached.text.size(), "%s, %02u %s %04u %02u:%02u:%02u GMT",
                  days[utc.tm_wday % 7], static_cast<unsigned>(utc.tm_mday) % 100, months[utc.tm_mon % 12],
                  static_cast<unsigned>(utc.tm_year + 1900) % 10000, static_cast<unsigned>(utc.tm_hour) % 100,
                  static_cast<unsigned>(utc.tm_min) % 100, static_cast<unsigned>(utc.tm_sec) % 100);
    cached.at = now;
  }
  return cached.text.data();
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return (u < 0x20 && u != '\t') || u == 0x7f;
  });
}

bool is_the_doors(std::string_view name) {
  for (std::string_view own : {"Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Date",
                               "X-Content-Type-Options"}) {
    if (equals_ignoring_case(name, own)) return true;
  }
  return false;
}

}  // namespace

std::string new_request_id() {
  static constexpr std::string_view digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  thread_local std::mt19937_64 random{std::random_device{}()};
  auto millis = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                               std::chrono::system_clock::now().time_since_epoch())
                                               .count());
  std::string id(26, '0');
  for (std::size_t i = 10; i-- > 0; millis >>= 5) id[i] = digits[millis & 31];
  for (std::size_t half = 0; half < 2; ++half) {
    auto bits = random();
    for (std::size_t i = 0; i < 8; ++i, bits >>= 5) id[10 + half * 8 + i] = digits[bits & 31];
  }
  return id;
}

api::Response problem(int status, std::string_view detail, int retry_after) {
  const auto id = new_request_id();
  api::Refusal refused(ErrorCode::invalid_argument, std::string(detail));
  refused.status = status;
  refused.name = stable_code(status);
  refused.retry_after = retry_after;
  api::Response response = api::problem(refused, id);
  response.headers.emplace_back("X-Request-Id", id);
  return response;
}

Answer serialize(api::Response response, const AnswerStyle& style) {
  bool broken = response.status < 200 || response.status > 599 || has_control(response.content_type);
  for (const auto& [name, value] : response.headers) broken = broken || !is_token(name) || has_control(value);
  if (broken) response = problem(500, "The server made an answer that cannot be sent.");

  const bool no_body = response.status == 204 || response.status == 304;
  Answer answer;
  const bool endless = response.stream && !style.head_method && !no_body;
  answer.close = style.close || response.stream != nullptr;
  if (endless) answer.stream = std::move(response.stream);
  auto& head = answer.head;
  head.reserve(384);
  head += "HTTP/1.1 ";
  head += std::to_string(response.status);
  head += ' ';
  if (response.status == 200)
    head += "OK";
  else
    head += reason(response.status);
  head += "\r\nDate: ";
  head += http_date();
  if (!no_body) {
    if (!response.content_type.empty()) {
      head += "\r\nContent-Type: ";
      head += response.content_type;
    }
    if (!endless) {
      head += "\r\nContent-Length: ";
      head += std::to_string(response.body.size() + (response.file ? response.file->size() : 0));
    }
  }
  head += "\r\nX-Content-Type-Options: nosniff";
  if (answer.close) {
    head += "\r\nConnection: close";
  } else if (style.http_1_0) {
    head += "\r\nConnection: keep-alive";
  }
  for (const auto& [name, value] : response.headers) {
    if (is_the_doors(name)) continue;
    head += "\r\n";
    head += name;
    head += ": ";
    head += value;
  }
  head += "\r\n\r\n";
  if (!no_body && !style.head_method) {
    answer.body = std::move(response.body);
    answer.file = std::move(response.file);
  }
  return answer;
}

}  // namespace caravan::http
