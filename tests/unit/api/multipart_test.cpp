#include "api/multipart.h"

#include <gtest/gtest.h>

#include <random>

#include "base/error.h"

namespace caravan::api {
namespace {

constexpr std::string_view type = "multipart/form-data; boundary=XX";

std::string head(std::string_view name) {
  return "Content-Disposition: form-data; name=\"" + std::string(name) + "\"\r\n\r\n";
}

void refused(std::string_view content_type, const std::string& body) {
  try {
    parse_multipart(content_type, body);
    ADD_FAILURE() << body.substr(0, 200);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
  }
}

TEST(Multipart, SplitsParts) {
  const std::string body =
      "--XX\r\nContent-Disposition: form-data; name=\"map\"; filename=\"m.yaml\"\r\nContent-Type: "
      "text/yaml\r\n\r\na: 1\r\n" +
      std::string("\r\n--XX\r\n") + head("file") + std::string("x\0\r\n--X\r\n--\r\n", 13) + "\r\n--XX\r\n" +
      head("empty") + "\r\n--XX--\r\n";
  const auto parts = parse_multipart(type, body);
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[0].name, "map");
  EXPECT_EQ(parts[0].file_name, "m.yaml");
  EXPECT_EQ(parts[0].data, "a: 1\r\n");
  EXPECT_EQ(parts[1].data, std::string_view("x\0\r\n--X\r\n--\r\n", 13));
  EXPECT_EQ(parts[2].data, "");
  EXPECT_TRUE(parse_multipart(type, "--XX--\r\n").empty());
}

TEST(Multipart, QuotedBoundary) {
  EXPECT_EQ(
      parse_multipart("Multipart/Form-Data; boundary=\"a b+c\"", "--a b+c\r\n" + head("x") + "1\r\n--a b+c--")
          .at(0)
          .data,
      "1");
}

TEST(Multipart, RefusesWhatDeviates) {
  refused("text/plain", "");
  refused("multipart/form-data", "--XX--");
  refused("multipart/form-data; boundary=", "--\r\n");
  refused("multipart/form-data; boundary=" + std::string(71, 'x'), "--" + std::string(71, 'x') + "--");
  refused("multipart/form-data; boundary=\"a\nb\"", "--a\nb--");
  refused(type, "");
  refused(type, "--XX");
  refused(type, "preamble\r\n--XX--");
  refused(type, "--XX--trailer");
  refused(type, "--XX\r\n" + head("a") + "never closed");
  refused(type, "--XX\r\n" + head("a") + "1\r\n--XXjunk\r\n--XX--");
  refused(type, "--XX\n" + head("a") + "1\r\n--XX--");
  refused(type, "--XX\r\n\r\nno header\r\n--XX--");
  refused(type, "--XX\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\n1\r\n--XX--");
  refused(type, "--XX\r\nContent-Disposition: form-data\r\n\r\n1\r\n--XX--");
  refused(type, "--XX\r\nContent-Disposition: form-data; name=\"a\nb\"\r\n\r\n1\r\n--XX--");
  refused(type,
          "--XX\r\nContent-Disposition: form-data; name=a\r\nContent-Disposition: form-data; "
          "name=b\r\n\r\n1\r\n--XX--");
  refused(type,
          "--XX\r\nContent-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: "
          "base64\r\n\r\nMQ==\r\n--XX--");
  refused(type, "--XX\r\n" + head("a") + "1\r\n--XX\r\n" + head("a") + "2\r\n--XX--");
  refused(type, "--XX\r\n" + std::string(5000, 'h') + ": x\r\n\r\n1\r\n--XX--");
  std::string many;
  for (int i = 0; i < 17; ++i) many += "--XX\r\n" + head("p" + std::to_string(i)) + "1\r\n";
  refused(type, many + "--XX--");
}

TEST(Multipart, NeverReadsOutsideWhateverComes) {
  const std::string good = "--XX\r\n" + head("a") + "12345\r\n--XX\r\n" + head("b") + "\r\n--XX--\r\n";
  std::mt19937 random(7);
  for (int i = 0; i < 20'000; ++i) {
    std::string body = good;
    for (int j = static_cast<int>(random() % 4); j >= 0; --j) {
      const auto at = random() % body.size();
      switch (random() % 3) {
        case 0:
          body[at] = static_cast<char>(random());
          break;
        case 1:
          body.erase(at, random() % 8);
          break;
        default:
          body.insert(at, "\r\n--XX");
          break;
      }
      if (body.empty()) body = "-";
    }
    try {
      for (const Part& part : parse_multipart(type, body)) {
        EXPECT_GE(part.data.data(), body.data());
        EXPECT_LE(part.data.data() + part.data.size(), body.data() + body.size());
      }
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    }
  }
}

}  // namespace
}  // namespace caravan::api
