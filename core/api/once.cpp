#include "api/once.h"

#include <strings.h>

#include <algorithm>
#include <charconv>

#include "expr/utf8.h"
#include "records/history.h"
#include "records/seal.h"

namespace caravan::api {
namespace {

constexpr std::size_t largest_reply = 4 * 1024 * 1024, longest_key = 255;
constexpr std::string_view lost = "lost\n";  ///< instead of an answer that could not be kept

/// `201\napplication/json\nETag: "1"\n…\n\nBODY`.
Response parse_answer(std::string_view text) {
  Response response;
  const auto line = [&] {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string_view found = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return found;
  };
  const std::string_view status = line();
  std::from_chars(status.data(), status.data() + status.size(), response.status);
  response.content_type = line();
  for (std::string_view header = line(); !header.empty(); header = line()) {
    const auto colon = std::min(header.find(": "), header.size());
    response.headers.emplace_back(header.substr(0, colon), header.substr(std::min(colon + 2, header.size())));
  }
  response.body = text;
  return response;
}

/// What core/records refuses about keys, under its own code and in the caller's language.
void rethrow_key_error(const Call& call, const Error& error) {
  if (error.fields().size() != 1) return;
  const std::string& code = error.fields().front().code;
  if (code != "idempotency_key_reused" && code != "idempotency_key_in_use") return;
  Refusal refused = refusal(call, error.code(), code);
  refused.name = code;
  refused.retry_after = error.retry_after;
  throw refused;
}

void replay(Call& call, std::string_view key_hash, std::string reply) {
  if (reply.starts_with("v1:")) {
    reply = records::need_keys(*call.context.catalog).unseal(reply, {"reply", "", call.context.actor.user_id, key_hash});
  }
  if (reply.starts_with(lost)) {
    Refusal refused = refusal(call, ErrorCode::conflict, "idempotency_reply_lost");
    refused.name = "idempotency_reply_lost";
    throw refused;
  }
  Response first = parse_answer(reply);
  std::move(first.headers.begin(), first.headers.end(), std::back_inserter(call.response.headers));
  call.response.status = first.status;
  call.response.content_type = std::move(first.content_type);
  call.response.body = std::move(first.body);
  call.response.headers.emplace_back("Idempotent-Replayed", "true");
}

}  // namespace

CallOnce::CallOnce(Call& call, std::string_view key) : call_(call), blank_(call.response) {
  const bool printable = std::all_of(key.begin(), key.end(), [](char c) { return c >= 0x20 && c <= 0x7E; });
  if (key.empty() || key.size() > longest_key || !printable) throw refusal(call, ErrorCode::invalid_argument, "idempotency_key_malformed");
  const Request& request = call.request;
  std::string query;
  for (const auto& [name, value] : request.query) query += records::digest({name, value});
  key_.actor_id = call.context.actor.user_id;
  key_.key_hash = records::digest({key});
  key_.fingerprint = records::digest({request.method, request.path, query, request.header("Content-Type"), request.header("If-Match"), request.body});
  // A body may hold sensitive values, which a digest that anybody can compute would let guess.
  if (const auto& keys = call.context.catalog->keys) key_.fingerprint = keys->hash("", "request", key_.fingerprint);
  key_.now = call.context.now;
}

void CallOnce::claim(storage::Session& session) {
  asked_ = true;
  if (!done_) records::claim_key(session, key_);
}

void CallOnce::keep(storage::Session& session) {
  if (!done_) records::keep_reply(session, key_, stored_answer());
}

void CallOnce::claim_alone() {
  call_.services.records.database().transact([&](storage::Session& session) { records::claim_key(session, key_); });
  call_.context.once = nullptr;
  asked_ = alone_ = true;
}

void CallOnce::look_up() const {
  if (asked_) return;
  auto session = call_.services.records.database().read();
  records::look_up_key(*session, key_);
}

void CallOnce::keep_alone() {
  if (!alone_) return;
  call_.services.records.database().transact([&](storage::Session& session) { records::keep_reply(session, key_, stored_answer()); });
  alone_ = false;
}

void CallOnce::release() noexcept {
  if (!alone_) return;
  try {
    call_.services.records.database().transact([&](storage::Session& session) { records::release_key(session, key_); });
  } catch (...) {  // it stays claimed, as after a crash
  }
}

void CallOnce::start_answer() { call_.response = blank_; }

std::string CallOnce::stored_answer() const {
  const Response& response = call_.response;
  // Headers that were there before the route began belong to the request, not to its answer.
  std::string text = std::to_string(response.status) + "\n" + response.content_type + "\n";
  for (std::size_t i = blank_.headers.size(); i < response.headers.size(); ++i) {
    text += response.headers[i].first + ": " + response.headers[i].second + "\n";
  }
  text += "\n";
  if (text.size() + response.body.size() > largest_reply || expr::utf8::find_malformed(response.body) != std::string::npos) {
    return std::string(lost);
  }
  text += response.body;
  const records::Keys* keys = records::keys_of(*call_.context.catalog);
  return keys != nullptr ? keys->seal(text, {"reply", "", key_.actor_id, key_.key_hash}) : text;
}

const std::string_view* idempotency_key(const Request& request) {
  constexpr std::string_view name = "Idempotency-Key";
  for (const auto& [header, value] : request.headers) {
    if (header.size() == name.size() && ::strncasecmp(header.data(), name.data(), name.size()) == 0) return &value;
  }
  return nullptr;
}

void answer_once(Call& call, const Route& route, std::string_view key) {
  if (route.info.access == Access::anyone || route.info.idempotency == Idempotency::refused) {
    throw refusal(call, ErrorCode::invalid_argument, "idempotency_key_refused");
  }
  CallOnce once(call, key);
  call.once = &once;
  std::optional<records::Replay> first;
  try {
    if (route.info.idempotency == Idempotency::transaction) call.context.once = &once;
    else once.claim_alone();
    route.handle(call);
    once.keep_alone();
  } catch (const records::Replay& replay) {
    first = replay;
  } catch (const Error& error) {
    once.release();
    rethrow_key_error(call, error);
    // What is malformed by now may have been done before, and another request is another one also where it is malformed.
    try {
      once.look_up();
    } catch (const records::Replay& replay) {
      first = replay;
    } catch (const Error& claimed) {
      rethrow_key_error(call, claimed);
      throw;
    }
    if (!first) throw;
  } catch (...) {
    once.release();
    throw;
  }
  if (first) {
    once.start_answer();
    replay(call, once.key_hash(), first->reply);
  }
}

void start_answer(Call& call) {
  if (call.once != nullptr) call.once->start_answer();
}

}  // namespace caravan::api
