#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/routes.h"
#include "records/once.h"

namespace caravan::api {

/// One request with an Idempotency-Key (docs/adr/0010-idempotency.md).
class CallOnce final : public records::Once {
 public:
  /// Throws invalid_argument for a malformed key.
  CallOnce(Call& call, std::string_view key);

  // In the transaction of the change:
  void claim(storage::Session& session) override;
  void keep(storage::Session& session) override;
  void committed() override { done_ = true; }

  /// For calls of several transactions: claims the key in one of its own, from where on nobody else gets through.
  void claim_alone();
  /// Where the call was refused before it could claim: throws as claim() does where the key was claimed before.
  void look_up() const;
  /// Keeps the answer of such a call; nothing to do for others.
  void keep_alone();
  /// Takes such a claim back after a refusal or a failure.
  void release() noexcept;
  /// The response as it was before the route began: an answer that is rendered again starts from it.
  void start_answer();
  const std::string& key_hash() const { return key_.key_hash; }

 private:
  std::string stored_answer() const;

  Call& call_;
  const Response blank_;
  records::RequestKey key_;
  bool asked_ = false, done_ = false, alone_ = false;
};

/// The Idempotency-Key header of a POST; nullptr where there is none (an empty one is there, and malformed).
const std::string_view* idempotency_key(const Request& request);

/// Runs the route, or answers as the first time, with `Idempotent-Replayed: true`.
void answer_once(Call& call, const Route& route, std::string_view key);

/// To be called first where a route renders its answer: it may do so again after a lost race.
void start_answer(Call& call);

}  // namespace caravan::api
