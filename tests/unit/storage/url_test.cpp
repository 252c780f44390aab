#include "storage/url.h"

#include <gtest/gtest.h>

namespace caravan::storage {
namespace {

std::string refusal(const std::string& url) {
  try {
    parse_url(url);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    return error.message();
  }
  return "accepted";
}

TEST(Url, SqlitePath) {
  const auto url = parse_url("sqlite:///var/lib/a%20b/x.db");
  EXPECT_EQ(url.dialect, Dialect::sqlite);
  EXPECT_EQ(url.path, "/var/lib/a b/x.db");
  EXPECT_EQ(url.description(), "sqlite:///var/lib/a b/x.db");
}

TEST(Url, MysqlOverTcp) {
  const auto url = parse_url("mysql://agent:p%40ss%3Aw%2Ford@db.example:3307/agency");
  EXPECT_EQ(url.dialect, Dialect::mysql);
  EXPECT_EQ(url.user, "agent");
  EXPECT_EQ(url.password, "p@ss:w/ord");
  EXPECT_EQ(url.host, "db.example");
  EXPECT_EQ(url.port, 3307);
  EXPECT_EQ(url.name, "agency");
  EXPECT_EQ(url.description(), "mysql://agent@db.example:3307/agency");
}

TEST(Url, PasswordMayHoldAnAtSignUnencoded) { EXPECT_EQ(parse_url("mysql://u:a@b@h/n").password, "a@b"); }

TEST(Url, DefaultsAndIpv6) {
  EXPECT_EQ(parse_url("mysql://u@h/n").port, 3306);
  const auto url = parse_url("mysql://u@[::1]:3310/n");
  EXPECT_EQ(url.host, "::1");
  EXPECT_EQ(url.port, 3310);
}

TEST(Url, MysqlOverSocket) {
  const auto url = parse_url("mysql://root@/caravan?socket=/run/mysqld/mysqld.sock");
  EXPECT_EQ(url.socket, "/run/mysqld/mysqld.sock");
  EXPECT_EQ(url.host, "");
  EXPECT_EQ(url.name, "caravan");
}

TEST(Url, CertificateFile) { EXPECT_EQ(parse_url("mariadb://u@h/n?ssl_ca=/etc/ca.pem").ssl_ca, "/etc/ca.pem"); }

TEST(Url, WhatIsWrongIsSaid) {
  EXPECT_NE(refusal("nonsense").find("has no scheme"), std::string::npos);
  EXPECT_NE(refusal("oracle://x").find("unknown scheme 'oracle'"), std::string::npos);
  EXPECT_NE(refusal("sqlite://relative.db").find("absolute path"), std::string::npos);
  EXPECT_NE(refusal("sqlite:///").find("directory"), std::string::npos);
  EXPECT_NE(refusal("sqlite:///a\"b").find("double quote"), std::string::npos);
  EXPECT_NE(refusal("sqlite:///a?x=1").find("parameters"), std::string::npos);
  EXPECT_NE(refusal("mysql://u@h").find("names no database"), std::string::npos);
  EXPECT_NE(refusal("mysql://u@h/").find("names no database"), std::string::npos);
  EXPECT_NE(refusal("mysql://h/n").find("names no user"), std::string::npos);
  EXPECT_NE(refusal("mysql://u@/n").find("neither a host nor a socket"), std::string::npos);
  EXPECT_NE(refusal("mysql://u@h/n?socket=/s").find("both"), std::string::npos);
  EXPECT_NE(refusal("mysql://u@h:0/n").find("port"), std::string::npos);
  EXPECT_NE(refusal("mysql://u@h:70000/n").find("port"), std::string::npos);
  EXPECT_NE(refusal("mysql://u@h:33x/n").find("port"), std::string::npos);
  EXPECT_NE(refusal("mysql://u@h/n?colour=red").find("unknown parameter 'colour'"), std::string::npos);
  EXPECT_NE(refusal("mysql://u@h/n?socket=").find("without a value"), std::string::npos);
  EXPECT_NE(refusal("mysql://u:%zz@h/n").find("'%' without two hex digits"), std::string::npos);
  EXPECT_NE(refusal("mysql://u:%00@h/n").find("NUL"), std::string::npos);
}

TEST(Url, ThePasswordIsNeverRepeated) {
  for (const char* url : {"mysql://u:secret%@h/n", "mysql://u:secret@h", "mysql://u:secret@h:x/n", "mysql://u:secret@h/n?a=b"}) {
    EXPECT_EQ(refusal(url).find("secret"), std::string::npos) << url;
  }
}

}  // namespace
}  // namespace caravan::storage
