#pragma once

#include <exception>
#include <string>
#include <utility>
#include <vector>

namespace caravan {

/// What kind of failure an Error is. `core/api` maps each to one HTTP status.
enum class ErrorCode {
  invalid_argument,       ///< 400 the request or command is malformed
  unauthenticated,        ///< 401
  forbidden,              ///< 403
  not_found,              ///< 404 absent, or not to be seen by the actor
  conflict,               ///< 409 a uniqueness or reference rule, or a state that has moved on
  stale,                  ///< 412 the version named is not the current one
  too_large,              ///< 413
  invalid_record,         ///< 422 fields, guards or invariants refuse the content
  precondition_required,  ///< 428 If-Match is missing
  too_many_requests,      ///< 429
  unavailable,            ///< 503 try again later
  retry,                  ///< internal: the transaction lost a race, run it again (deadlock, lock wait)
  internal                ///< 500
};

/// Stable lower-case name, e.g. "invalid_record"; part of the API (problem `code`).
const char* to_string(ErrorCode code);

/// One mistake bound to one field of the input.
struct FieldError {
  std::string field;    ///< field name as in the API, e.g. "party_size"
  std::string code;     ///< stable, for translation by the client, e.g. "required", "too_long"
  std::string message;  ///< one sentence for a person
};

/// The one exception type that crosses folders. Callers add context as it rises with `add_context`.
class Error : public std::exception {
 public:
  Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}
  Error(ErrorCode code, std::string message, std::vector<FieldError> fields)
      : code_(code), message_(std::move(message)), fields_(std::move(fields)) {}

  ErrorCode code() const noexcept { return code_; }
  /// One sentence that a user or an administrator understands. Never holds secrets or bound values.
  const std::string& message() const noexcept { return message_; }
  const std::vector<FieldError>& fields() const noexcept { return fields_; }
  /// Where it happened, innermost first; for the log, not for the client.
  const std::vector<std::string>& context() const noexcept { return context_; }
  const char* what() const noexcept override { return message_.c_str(); }

  Error& add_context(std::string where) {
    context_.push_back(std::move(where));
    return *this;
  }
  /// Seconds after which the caller may try again (too_many_requests, unavailable); 0 where unknown.
  int retry_after = 0;

 private:
  ErrorCode code_;
  std::string message_;
  std::vector<FieldError> fields_;
  std::vector<std::string> context_;
};

}  // namespace caravan
