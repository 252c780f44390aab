#include "records/import_runs.h"

#include "base/error.h"
#include "base/text.h"
#include "jobs/steady.h"
#include "records/import_source.h"
#include "records/json.h"
#include "storage/query.h"

namespace caravan::records {
namespace {

using storage::Query;

constexpr const char* columns =
    "id, entity, map_name, file_name, file_bytes, state, dry_run, actor_id, actor_name, created_at, finished_at, rows_total, rows_done, created, updated, "
    "unchanged, failed, notes, encoding, message";

std::string notes_json(const std::map<std::string, std::int64_t>& notes) {
  std::string out = "{";
  for (const auto& [note, count] : notes) {
    if (out.size() > 1) out += ",";
    write_json_string(out, note);
    out += ":" + std::to_string(count);
  }
  return out + "}";
}

ImportRun read_run(Query& query) {
  ImportRun run;
  run.id = query.integer(0);
  run.entity = query.text(1);
  run.map = query.text(2);
  run.file_name = query.text(3);
  run.file_bytes = query.integer(4);
  run.state = query.text(5);
  run.dry_run = query.integer(6) != 0;
  run.actor_id = query.integer(7);
  run.actor_name = query.text(8);
  run.created_at = query.instant(9).value_or(Timestamp{});
  run.finished_at = query.instant(10);
  run.report.rows = query.integer(11);
  run.done = query.integer(12);
  run.report.created = query.integer(13);
  run.report.updated = query.integer(14);
  run.report.unchanged = query.integer(15);
  run.report.failed = query.integer(16);
  if (const std::string notes = query.text(17); !notes.empty()) {
    const Json json = parse_json(notes);
    if (const auto* object = json.as<Json::Object>()) {
      for (const auto& [note, count] : *object) {
        if (const auto* number = count.as<Json::Number>()) run.report.notes[note] = std::stoll(number->text);
      }
    }
  }
  run.report.encoding = query.text(18);
  run.message = query.text(19);
  return run;
}

void keep_errors(storage::Session& session, std::int64_t id, const std::vector<RowError>& errors) {
  for (const auto& error : errors) {
    storage::run_sql(session, "INSERT INTO import_error (import_id, row_no, column_name, message, line) VALUES (?, ?, ?, ?, ?)", id, error.row,
                     cut_text(error.column, 190), error.message, error.line);
  }
}

void keep_counts(storage::Session& session, std::int64_t id, const ImportReport& report, std::int64_t done, std::int64_t before) {
  const std::int64_t changed = storage::run_sql(
      session,
      "UPDATE import_run SET rows_done = ?, created = ?, updated = ?, unchanged = ?, failed = ?, notes = ? WHERE id = ? AND rows_done = ? AND state = 'running'",
      done, report.created, report.updated, report.unchanged, report.failed, notes_json(report.notes), id, before);
  if (changed != 1) throw Error(ErrorCode::unavailable, "Another worker goes on with this import.");
}

void end_run(storage::Session& session, std::int64_t id, const char* state, const std::string& message, Timestamp now) {
  storage::run_sql(session, "UPDATE import_run SET state = ?, message = ?, finished_at = ? WHERE id = ?", state, message, now, id);
}

}  // namespace

std::int64_t start_import(const RecordService& records, storage::Sequences& sequences, const Context& context, const NewImport& wanted) {
  const std::int64_t id = sequences.next("import_run");
  records.transact(context, [&](Work& work) {
    Query insert(work.session(),
                 "INSERT INTO import_run (id, entity, map_name, map_text, file_name, file, file_bytes, state, dry_run, actor_id, actor_name, request_id, "
                 "created_at, rows_total, rows_done, created, updated, unchanged, failed) VALUES (?, ?, ?, ?, ?, ?, ?, 'waiting', ?, ?, ?, ?, ?, 0, 0, 0, 0, 0, 0)",
                 id, wanted.map->entity->full_name, wanted.map->name, wanted.map_text, wanted.file_name, wanted.file.name,
                 static_cast<std::int64_t>(wanted.file.size), wanted.dry_run ? 1 : 0, context.actor.user_id, context.actor.name, context.request_id, context.now);
    insert.next();
    jobs::NewJob job;
    job.queue = import_queue;
    job.kind = import_kind;
    job.payload = "{\"import\":" + std::to_string(id) + "}";
    job.max_attempts = 1000;  // each start of the server that was killed in it counts
    job.actor_id = context.actor.user_id;
    job.request_id = context.request_id;
    work.enqueue(job);
  });
  return id;
}

std::optional<ImportRun> find_import(storage::Session& session, std::int64_t id, std::size_t errors) {
  std::optional<ImportRun> run;
  {
    Query query(session, std::string("SELECT ") + columns + " FROM import_run WHERE id = ?", id);
    if (query.next()) run = read_run(query);
  }
  if (!run || errors == 0) return run;
  Query query(session, "SELECT row_no, column_name, message FROM import_error WHERE import_id = ? ORDER BY row_no LIMIT ?", id, static_cast<std::int64_t>(errors));
  while (query.next()) run->report.errors.push_back({query.integer(0), query.text(1), query.text(2), {}});
  return run;
}

std::vector<ImportRun> list_imports(storage::Session& session, std::int64_t before, std::uint32_t limit) {
  std::vector<ImportRun> runs;
  Query query(session, std::string("SELECT ") + columns + " FROM import_run WHERE id < ? ORDER BY id DESC LIMIT ?", before == 0 ? INT64_MAX : before,
              static_cast<std::int64_t>(limit));
  while (query.next()) runs.push_back(read_run(query));
  return runs;
}

void write_import_errors(storage::Database& database, std::int64_t id, const std::function<void(std::string_view)>& write) {
  {
    const auto session = database.read();
    Query query(*session, "SELECT error_head FROM import_run WHERE id = ?", id);
    if (query.next()) write(query.text(0));
  }
  constexpr int page = 500;
  for (std::int64_t after = 0, got = page; got == page;) {
    const auto session = database.read();
    Query query(*session, "SELECT row_no, line FROM import_error WHERE import_id = ? AND row_no > ? ORDER BY row_no LIMIT ?", id, after, page);
    for (got = 0; query.next(); ++got) {
      after = query.integer(0);
      write(query.text(1));
    }
  }
}

std::int64_t purge_imports(storage::Database& database, const FileStore& files, Timestamp now, int days) {
  const Timestamp until{now.micros - std::int64_t{days} * 86'400'000'000};
  std::string file;
  std::int64_t gone = 0;
  database.transact([&](storage::Session& session) {
    gone = 0;
    std::int64_t id = 0;
    {
      Query query(session, "SELECT id, file FROM import_run WHERE finished_at <= ? ORDER BY finished_at LIMIT 1", until);
      if (!query.next()) return;
      id = query.integer(0);
      file = query.text(1);
    }
    storage::run_sql(session, "DELETE FROM import_error WHERE import_id = ?", id);
    gone = storage::run_sql(session, "DELETE FROM import_run WHERE id = ?", id);
  });
  // Last: a file without a run is swept away, a run without its file would not be what it says.
  if (gone > 0) files.remove(file);
  return gone;
}

void ImportJobs::operator()(jobs::Attempt& attempt) const {
  const Json payload = parse_json(attempt.job().payload);
  const Json* member = payload.find("import");
  const auto* number = member ? member->as<Json::Number>() : nullptr;
  if (number == nullptr) throw Error(ErrorCode::invalid_argument, "The job names no import.");
  const std::int64_t id = std::stoll(number->text);
  try {
    run(attempt, id);
  } catch (const Error& error) {
    if (attempt.stopping()) return attempt.postpone(0);
    if (error.code() == ErrorCode::unavailable || error.code() == ErrorCode::retry || error.code() == ErrorCode::internal) throw;
    // Another attempt would fail in the same way.
    attempt.finish([&](storage::Session& session) { end_run(session, id, "failed", error.message(), clock_.now()); });
  }
}

void ImportJobs::run(jobs::Attempt& attempt, std::int64_t id) const {
  std::string entity, map_name, map_text, file;
  std::int64_t actor_id = 0, done = 0;
  bool dry_run = false;
  std::string state, request_id;
  ImportReport before;
  {
    const auto session = records_.database().read();
    Query query(*session, "SELECT entity, map_name, map_text, file, actor_id, dry_run, state, request_id FROM import_run WHERE id = ?", id);
    if (!query.next()) return;
    entity = query.text(0);
    map_name = query.text(1);
    map_text = query.text(2);
    file = query.text(3);
    actor_id = query.integer(4);
    dry_run = query.integer(5) != 0;
    state = query.text(6);
    request_id = query.text(7);
  }
  if (state != "waiting" && state != "running") return;
  Context context;
  context.catalog = catalog_();
  context.now = clock_.now();
  context.request_id = request_id;
  context.source = "import " + map_name;
  context.actor.system = actor_id == 0;
  if (actor_id != 0) {
    auto actor = actor_(actor_id);
    if (!actor) throw Error(ErrorCode::forbidden, "Whoever started the import is not a user any more.");
    context.actor = std::move(*actor);
  }
  context.locale = context.actor.locale.empty() ? context.catalog->agency.locale : context.actor.locale;

  model::ImportMapResult loaded;
  const model::ImportMap* map = nullptr;
  const auto stored = files_.open(file);
  model::ImportMap plain;
  if (map_text.empty() && map_name.starts_with(plain_prefix)) {
    const model::Entity* of = context.catalog->entity(entity);
    if (of == nullptr) throw Error(ErrorCode::not_found, "There is no entity " + entity + " any more.");
    plain = plain_map(*of, map_name.substr(plain_prefix.size()), stored->bytes());
    map = &plain;
  } else if (map_text.empty()) {
    for (const auto& one : context.catalog->import_maps) {
      if (one->name == map_name) map = one.get();
    }
    if (map == nullptr) throw Error(ErrorCode::not_found, "There is no import map " + map_name + " any more.");
  } else {
    model::SourceFile source;
    source.name = map_name;
    source.text = map_text;
    loaded = model::load_import_map(source, *context.catalog);
    if (!loaded.map) throw Error(ErrorCode::invalid_argument, "The import map does not fit the definitions any more.");
    map = &*loaded.map;
  }

  ImportSource source(stored->bytes(), *map);
  records_.database().transact([&](storage::Session& session) {
    // An attempt that was cut off before may still be at work, where its lease was lost: its next batch finds `rows_done` moved.
    storage::run_sql(session, "UPDATE import_run SET state = 'running', rows_total = ?, encoding = ?, error_head = ? WHERE id = ? AND state IN ('waiting', 'running')",
                     source.rows(), source.format().encoding, import_error_head(*map, source), id);
    if (dry_run) {  // what it had made is gone, so it begins again
      storage::run_sql(session, "UPDATE import_run SET rows_done = 0, created = 0, updated = 0, unchanged = 0, failed = 0, notes = NULL WHERE id = ? AND state = 'running'", id);
      storage::run_sql(session, "DELETE FROM import_error WHERE import_id = ?", id);
    }
    const auto run = find_import(session, id, 0);
    if (!run) throw Error(ErrorCode::not_found, "The import is gone.");
    before = run->report;
    done = run->done;
  });

  ImportSteps steps;
  steps.skip = done;
  if (done > 0) {
    const auto session = records_.database().read();
    Query query(*session, "SELECT row_no FROM import_error WHERE import_id = ?", id);
    while (query.next()) steps.failed.insert(query.integer(0));
  }
  std::int64_t kept = done;
  steps.kept = [&](storage::Session* session, const ImportReport& so_far, const ImportReport& batch, std::int64_t now_done) {
    ImportReport total = before;
    total.add(so_far);
    const auto keep = [&](storage::Session& in) {
      keep_counts(in, id, total, now_done, kept);
      keep_errors(in, id, batch.errors);
    };
    if (session != nullptr) keep(*session);
    else records_.database().transact(keep);
    if (session == nullptr) kept = now_done;
  };
  steps.progress = [&](std::int64_t now_done, std::int64_t rows) {
    if (kept == done) records_.database().transact([&](storage::Session& session) { jobs::forget_attempts(session, attempt.job().id); });
    kept = now_done;
    attempt.progress(now_done, rows, context.source);
  };
  steps.now = [&] { return clock_.now(); };
  steps.stopping = [&] { return attempt.stopping(); };
  import_rows(records_, context, *map, source, dry_run, steps);
  attempt.finish([&](storage::Session& session) { end_run(session, id, "done", "", clock_.now()); });
}

}  // namespace caravan::records
