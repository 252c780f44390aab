#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/message.h"
#include "api/rate_limit.h"
#include "auth/service.h"
#include "model/loader.h"
#include "records/service.h"
#include "workflow/transitions.h"

namespace caravan::jobs {
class Queue;
}
namespace caravan::records {
class FileStore;
}
namespace caravan::workflow {
class RuleJobs;
}

namespace caravan::api {

/// One plugin as `GET /admin/plugins` shows it.
struct PluginInfo {
  std::string name, version, label;
  std::string state;  ///< enabled, disabled or refused; `error` says why it was refused
  std::string file, sdk, error;
  std::int64_t hooks = 0;           ///< how many it has registered
  std::vector<std::string> routes;  ///< `GET /api/v1/plugins/sales/…`
};

struct ReloadResult {
  std::string hash;  ///< of the Catalog in use afterwards
  bool changed = false;
  std::vector<model::Diagnostic> diagnostics;  ///< with an error among them the old Catalog is still in use
};

/// One published set of definitions.
struct RevisionInfo {
  std::int64_t id = 0;
  std::string hash, author, note;
  Timestamp created_at;
  bool active = false;
};

/// What the API stands on. References outlive it; functions are thread-safe, and those that may be empty say
/// so.
struct Services {
  const records::RecordService& records;
  const workflow::Transitions& transitions;
  auth::AuthService& auth;
  const Clock& clock;
  /// The Catalog in use; null while there is none yet.
  std::function<std::shared_ptr<const model::Catalog>()> catalog;
  /// Whether the database answers; empty: always.
  std::function<bool()> database_ready;
  /// A plugin's own route, `rest` without leading slash; nullopt where the plugin has none such. May be
  /// empty.
  std::function<std::optional<Response>(const records::Context&, const Request&, std::string_view plugin,
                                        std::string_view rest)>
      plugin_route;
  std::function<std::vector<PluginInfo>()> plugins;  ///< may be empty
  std::function<ReloadResult(const records::Context&)> reload;  ///< may be empty
  /// Newest first, `limit` of those before the id `before` (0: from the newest). May be empty.
  std::function<std::vector<RevisionInfo>(std::int64_t before, std::uint32_t limit)> revisions = {};
  /// Puts an earlier revision in use; throws not_found. May be empty.
  std::function<ReloadResult(const records::Context&, std::int64_t id)> activate_revision = {};
  /// Why this node should get no requests though the database answers; "" where all is well. May be empty.
  std::function<std::string()> unready = {};
  class EventHub* events = nullptr;  ///< tells listeners of changes; null: nobody listens
  jobs::Queue* jobs = nullptr;  ///< the durable queue; null: there is none
  /// The built console, read into memory at start; empty: none.
  std::string console_directory = {};
  /// None where nothing is said. The admin socket, health, and the console's files are never limited.
  RateLimits limits = {};
  workflow::RuleJobs* rules = nullptr;  ///< automations and schedules; null: there are none
  const records::FileStore* files = nullptr;  ///< what is uploaded lies in it; null: nothing can be
  class PluginAdmin* plugin_admin = nullptr;  ///< switches plugins on and off, see api/plugin_admin.h; null: they stay as they are
};

/// Who may use a route.
enum class Access : std::uint8_t { anyone, user, administrator };

/// How many items a route's answer may hold.
enum class Paging : std::uint8_t {
  none,    ///< not a list
  cursor,  ///< `limit` and a cursor in, `next` out
  bounded  ///< never more than the description says
};

/// What an Idempotency-Key does on a POST.
enum class Idempotency : std::uint8_t {
  several,      ///< claimed and kept in transactions of their own, around whatever the route does
  transaction,  ///< claimed and kept in the one transaction of the change; the route renders its answer in it, see api/once.h
  refused       ///< the request or the answer holds a secret
};

/// A route of `/api/v1`: what the router, the matrix of permissions and the OpenAPI document know of it. Lists of names
/// are separated by blanks; the names are those of api/openapi_parts.cpp.
struct RouteInfo {
  std::string_view method;   ///< `*` stands for every method
  std::string_view pattern;  ///< `/records/{entity}/{id}`; `{rest...}` takes what remains
  Access access = Access::user;
  std::string_view summary;
  std::string_view operation = {};    ///< operation id, unique: `listRecords`
  std::string_view tag = {};          ///< `Records`
  std::string_view query = {};        ///< query parameters: `filter sort limit after`
  std::string_view headers = {};      ///< request headers: `If-Match`; those that may be left out end with `?`
  std::string_view body = {};         ///< schema of the request's JSON; with a `?` at its end it may be left out
  std::string_view answers = {};      ///< `200:Page+Link 304+ETag 204`: status, schema, headers
  std::string_view refusals = {};     ///< statuses beyond those of every route: `409 412`
  Paging paging = Paging::none;
  std::string_view description = {};  ///< CommonMark; of a bounded list, what bounds it
  Idempotency idempotency = Idempotency::several;
};

/// Answers everything: `/api/v1`, health, the console's files. Thread-safe.
class Api final : public Handler {
 public:
  explicit Api(Services services);
  ~Api() override;
  Response handle(const Request& request) override;
  /// All routes, in the order of docs/api.md.
  static std::vector<RouteInfo> routes();

 private:
  struct State;
  const std::unique_ptr<const State> state_;
};

}  // namespace caravan::api
