#include "http/framing.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "http/target.h"

namespace caravan::http {
namespace {

constexpr std::size_t max_chunk_line_bytes = 256;
constexpr std::size_t max_chunk_overhead_bytes = 16 * 1024;

constexpr std::array<bool, 256> make_token_table() {
  std::array<bool, 256> table{};
  for (char c :
       std::string_view("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}
constexpr auto token_table = make_token_table();

bool is_field_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return u == '\t' || (u >= 0x20 && u != 0x7f);
  });
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

/// Calls `use` for each element of a comma-separated list.
template <typename Use>
void for_each_element(std::string_view list, Use use) {
  while (true) {
    const auto comma = list.find(',');
    use(trim_blanks(list.substr(0, comma)));
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

Refusal bad(std::string detail) {
  return {400, std::move(detail)};
}

std::optional<Refusal> check_field_line(std::string_view line,
                                        std::pair<std::string_view, std::string_view>& field) {
  if (line.front() == ' ' || line.front() == '\t')
    return bad("A header field continues on a second line; send it on one line.");
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return bad("A header line has no colon.");
  const auto name = line.substr(0, colon);
  if (name.size() > max_field_name_bytes) return Refusal{431, "A header field's name is too long."};
  if (!is_token(name)) {
    return bad(
        "A header field's name is empty or has a character that is not allowed there, such as a space before "
        "the colon.");
  }
  const auto value = trim_blanks(line.substr(colon + 1));
  if (value.size() > max_field_value_bytes) {
    return Refusal{431, "The header field " + std::string(name) + " is longer than " +
                            std::to_string(max_field_value_bytes) + " bytes."};
  }
  if (!is_field_value(value))
    return bad("The header field " + std::string(name) + " has a control character.");
  field = {name, value};
  return std::nullopt;
}

std::optional<Refusal> check_request_line(std::string_view line, Framing& framing, bool& absolute) {
  const auto first = line.find(' ');
  if (first == std::string_view::npos) return bad("The request line is not METHOD TARGET VERSION.");
  const auto second = line.find(' ', first + 1);
  if (second == std::string_view::npos) return bad("The request line is not METHOD TARGET VERSION.");
  const auto method = line.substr(0, first);
  const auto target = line.substr(first + 1, second - first - 1);
  const auto version = line.substr(second + 1);
  if (!is_token(method)) return bad("The method has a character that is not allowed there.");
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (version.size() != 8 || version.substr(0, 5) != "HTTP/" || !digit(version[5]) || version[6] != '.' ||
      !digit(version[7])) {
    return bad("The request line does not end in HTTP/1.1 or HTTP/1.0.");
  }
  if (version[5] != '1' || version[7] > '1')
    return Refusal{505, "Only HTTP/1.1 and HTTP/1.0 are spoken here."};
  framing.http_1_0 = version[7] == '0';
  const auto upper = [](char c) { return (c >= 'A' && c <= 'Z') || c == '-' || c == '_'; };
  if (method.size() > max_method_bytes || !std::all_of(method.begin(), method.end(), upper) ||
      method == "CONNECT" || method == "TRACE") {
    return Refusal{501, "This method is not supported."};
  }
  if (target.size() > max_target_bytes) {
    return Refusal{414, "The address is longer than " + std::to_string(max_target_bytes) + " bytes."};
  }
  Target parts;
  if (!split_target(target, parts)) return bad("The address in the request line is malformed.");
  if (parts.path == "*" && method != "OPTIONS") return bad("The address * goes only with OPTIONS.");
  absolute = !parts.authority.empty();
  framing.head_method = method == "HEAD";
  return std::nullopt;
}

}  // namespace

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](char c) { return token_table[static_cast<unsigned char>(c)]; });
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trim_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::pair<std::string_view, std::string_view> split_field(std::string_view line) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return {};
  return {line.substr(0, colon), trim_blanks(line.substr(colon + 1))};
}

std::size_t find_head_end(std::string_view data, std::size_t& line, std::optional<Refusal>& refusal) {
  while (line < data.size()) {
    const auto lf = data.find('\n', line);
    if (lf == std::string_view::npos) return 0;
    if (lf == line || data[lf - 1] != '\r') {
      refusal = bad("A line of the head ends in LF without CR.");
      return 0;
    }
    const bool empty = lf == line + 1;
    line = lf + 1;
    if (empty) return line;
  }
  return 0;
}

std::optional<Refusal> check_head(std::string_view head, Framing& framing) {
  framing = {};
  auto next_line = [&head] {
    const auto end = head.find("\r\n");
    const auto line = head.substr(0, end);
    head.remove_prefix(end == std::string_view::npos ? head.size() : end + 2);
    return line;
  };
  bool absolute = false;
  const auto request_line = next_line();
  if (auto refusal = check_request_line(request_line, framing, absolute)) return refusal;

  std::size_t fields = 0, hosts = 0, lengths = 0, chunked = 0;
  bool transfer_coding = false, close = false, keep_alive = false;
  for (auto line = next_line(); !line.empty(); line = next_line()) {
    if (++fields > max_fields)
      return Refusal{431, "The request has more than " + std::to_string(max_fields) + " header fields."};
    std::pair<std::string_view, std::string_view> field;
    if (auto refusal = check_field_line(line, field)) return refusal;
    const auto [name, value] = field;
    switch (name.size()) {  // the few names that matter here, told apart by length first
      case 4:
        if (equals_ignoring_case(name, "Host")) {
          if (++hosts > 1) return bad("There is more than one Host field.");
          if (!is_authority(value)) return bad("The Host field is not HOST or HOST:PORT.");
        }
        break;
      case 6:
        if (equals_ignoring_case(name, "Expect")) {
          if (!equals_ignoring_case(value, "100-continue"))
            return Refusal{417, "Of Expect, only 100-continue is supported."};
          framing.expects_continue = !framing.http_1_0;
        }
        break;
      case 10:
        if (equals_ignoring_case(name, "Connection")) {
          for_each_element(value, [&](std::string_view option) {
            close = close || equals_ignoring_case(option, "close");
            keep_alive = keep_alive || equals_ignoring_case(option, "keep-alive");
          });
        }
        break;
      case 14:
        if (equals_ignoring_case(name, "Content-Length")) {
          if (++lengths > 1) return bad("There is more than one Content-Length field.");
          if (value.empty() || value.size() > 18 ||
              value.find_first_not_of("0123456789") != std::string_view::npos) {
            return bad("The Content-Length field is not a plain number.");
          }
          for (char c : value)
            framing.content_length = framing.content_length * 10 + static_cast<std::uint64_t>(c - '0');
        }
        break;
      case 17:
        if (equals_ignoring_case(name, "Transfer-Encoding")) {
          transfer_coding = true;
          std::optional<Refusal> refusal;
          for_each_element(value, [&](std::string_view coding) {
            if (refusal) return;
            if (coding.empty()) {
              refusal = bad("The Transfer-Encoding field has an empty element.");
            } else if (!equals_ignoring_case(coding, "chunked")) {
              refusal = Refusal{501, "Of transfer codings, only chunked is supported."};
            } else if (++chunked > 1) {
              refusal = bad("The Transfer-Encoding field names chunked more than once.");
            }
          });
          if (refusal) return refusal;
        }
        break;
      default:
        break;
    }
  }
  if (!head.empty()) return bad("The head has an empty line in its middle.");
  if (!framing.http_1_0 && hosts == 0) return bad("The Host field is missing.");
  if (transfer_coding && lengths > 0) return bad("Content-Length and Transfer-Encoding are both there.");
  if (transfer_coding && framing.http_1_0) return bad("HTTP/1.0 has no Transfer-Encoding.");
  framing.chunked = chunked == 1;
  framing.keep_alive = !close && (!framing.http_1_0 || keep_alive);
  return std::nullopt;
}

ChunkedDecoder::Step ChunkedDecoder::step(std::string_view input) {
  Step result;
  const auto refuse = [&result](int status, const char* detail) {
    result.refusal = Refusal{status, detail};
    return result;
  };
  /// A whole line without its CRLF; false where more bytes are needed or the line is refused.
  const auto take_line = [&](std::string_view& line, std::size_t bound) {
    const auto lf = input.substr(0, bound).find('\n');
    if (lf == std::string_view::npos) {
      if (input.size() >= bound) result.refusal = bad("A line between the chunks of the body is too long.");
      return false;
    }
    if (lf == 0 || input[lf - 1] != '\r') {
      result.refusal = bad("A line between the chunks of the body ends in LF without CR.");
      return false;
    }
    line = input.substr(0, lf - 1);
    result.consumed = lf + 1;
    return true;
  };

  switch (state_) {
    case State::size: {
      std::string_view line;
      if (!take_line(line, max_chunk_line_bytes)) return result;
      std::size_t digits = 0;
      std::uint64_t size = 0;
      for (; digits < line.size(); ++digits) {
        const char c = lower(line[digits]);
        if (c >= '0' && c <= '9')
          size = size * 16 + static_cast<std::uint64_t>(c - '0');
        else if (c >= 'a' && c <= 'f')
          size = size * 16 + static_cast<std::uint64_t>(c - 'a' + 10);
        else
          break;
        if (digits >= 15) return refuse(400, "A chunk's size is too large.");
      }
      const auto extension = line.substr(digits);
      if (digits == 0 || (!extension.empty() && extension.front() != ';') || !is_field_value(extension)) {
        return refuse(400, "A chunk's size is not a plain hexadecimal number.");
      }
      overhead_ += extension.size();
      if (overhead_ > max_chunk_overhead_bytes) return refuse(400, "The chunk extensions are too long.");
      left_ = size;
      state_ = size == 0 ? State::trailer : State::data;
      return result;
    }
    case State::data: {
      result.data = input.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size())));
      result.consumed = result.data.size();
      left_ -= result.consumed;
      if (left_ == 0) state_ = State::data_end;
      return result;
    }
    case State::data_end:
      if (!input.empty() && input[0] != '\r') return refuse(400, "A chunk is longer than its size says.");
      if (input.size() < 2) return result;
      if (input[1] != '\n') return refuse(400, "A chunk is longer than its size says.");
      result.consumed = 2;
      state_ = State::size;
      return result;
    case State::trailer: {
      std::string_view line;
      if (!take_line(line, max_field_value_bytes)) return result;
      if (line.empty()) {
        result.done = true;
        return result;
      }
      std::pair<std::string_view, std::string_view> field;
      if ((result.refusal = check_field_line(line, field))) return result;
      overhead_ += line.size();
      if (++trailers_ > max_fields || overhead_ > max_chunk_overhead_bytes)
        return refuse(431, "The trailer is too long.");
      return result;
    }
  }
  return result;
}

}  // namespace caravan::http
