#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "records/service.h"

namespace caravan::api {

/// Everything that the console needs to render, for the roles of the context's actor, in `locale`. Only
/// entities that they may read are in it. An entity without a form or a view gets one made of its fields.
std::string model_json(const records::RecordService& records, const records::Context& context,
                       std::string_view locale);

/// A finished model, the same as gzip, and the plain form's entity tag (with quotes), see answer_form().
struct RenderedModel {
  std::string body, gzip, tag;
};

/// Texts that depend on Catalog, locale and set of roles alone; each is made once. Thread-safe.
class ModelCache {
 public:
  std::shared_ptr<const RenderedModel> get(const records::Context& context, std::string_view locale,
                                           const std::function<std::string()>& make);
  /// The model.
  std::shared_ptr<const RenderedModel> get(const records::RecordService& records,
                                           const records::Context& context, std::string_view locale);

 private:
  static constexpr std::size_t capacity = 200;
  std::mutex mutex_;
  /// The one that all of `models_` are of; not held, so that it can be seen when the last request has left it.
  std::weak_ptr<const model::Catalog> catalog_;
  std::unordered_map<std::string, std::shared_ptr<const RenderedModel>> models_;
};

}  // namespace caravan::api
