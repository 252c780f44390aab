#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Where a request begins and ends, decided strictly (RFC 9112) so that no proxy in front can see it
/// otherwise. Pure functions over bytes; no I/O.
namespace caravan::http {

/// Why the door refuses a request: the status and one sentence for the client.
struct Refusal {
  int status = 400;
  std::string detail;
};

/// Bounds of Poco's parser, enforced here so that it never sees more.
inline constexpr std::size_t max_method_bytes = 32;
inline constexpr std::size_t max_target_bytes = 16'000;
inline constexpr std::size_t max_field_name_bytes = 250;
inline constexpr std::size_t max_field_value_bytes = 8'000;
inline constexpr std::size_t max_fields = 100;

/// What the framing needs of a head; everything else is read by Poco's parser later.
struct Framing {
  bool head_method = false;  ///< HEAD: the answer has no body
  bool http_1_0 = false;
  bool keep_alive = true;
  bool chunked = false;
  bool expects_continue = false;
  std::uint64_t content_length = 0;
};

/// Searches the end of a head in `data`, from line start `line` (advanced past complete lines, so that the
/// next call goes on there). Returns the head's length with its empty line, 0 where more bytes are needed.
/// Sets `refusal` on a bare LF.
std::size_t find_head_end(std::string_view data, std::size_t& line, std::optional<Refusal>& refusal);

/// Checks a complete head (with its final empty line) and fills `framing`; a Refusal where it is malformed,
/// ambiguous or not supported.
std::optional<Refusal> check_head(std::string_view head, Framing& framing);

/// Splits one checked field line (without CRLF) at its colon; the value without surrounding blanks.
std::pair<std::string_view, std::string_view> split_field(std::string_view line);

/// Decodes a chunked body piece by piece; extensions and trailers are checked, bounded and dropped.
class ChunkedDecoder {
 public:
  struct Step {
    std::size_t consumed = 0;  ///< bytes of the input that are done with
    std::string_view data;     ///< body bytes, a part of the input
    bool done = false;         ///< the body and its trailers are complete
    std::optional<Refusal> refusal;
  };
  /// One step over `input`; nothing consumed and not done means that more bytes are needed.
  Step step(std::string_view input);

 private:
  enum class State : std::uint8_t { size, data, data_end, trailer } state_ = State::size;
  std::uint64_t left_ = 0;
  std::size_t overhead_ = 0;  ///< bytes of extensions and trailers so far
  std::size_t trailers_ = 0;
};

bool is_token(std::string_view text);
bool equals_ignoring_case(std::string_view a, std::string_view b);
std::string_view trim_blanks(std::string_view text);

}  // namespace caravan::http
