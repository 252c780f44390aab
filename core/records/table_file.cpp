#include "records/table_file.h"

#include <csv.h>

#include "base/error.h"

namespace caravan::records {

TableFile read_table(std::string_view csv) {
  if (csv.starts_with("\xEF\xBB\xBF")) csv.remove_prefix(3);
  struct State {
    TableFile table;
    std::vector<std::string> row;
    bool header = true, uneven = false;
  } state;
  csv_parser parser;
  if (csv_init(&parser, CSV_STRICT_FINI) != 0) throw Error(ErrorCode::internal, "The CSV reader cannot start.");
  const auto cell = [](void* data, std::size_t size, void* target) {
    static_cast<State*>(target)->row.emplace_back(data ? static_cast<const char*>(data) : "", data ? size : 0);
  };
  const auto end = [](int, void* target) {
    auto& s = *static_cast<State*>(target);
    if (s.header) s.table.header = std::move(s.row);
    else if (s.row.size() != s.table.header.size()) s.uneven = true;
    if (!s.header && !s.uneven) s.table.rows.push_back(std::move(s.row));
    s.header = false;
    s.row.clear();
  };
  const bool read = csv_parse(&parser, csv.data(), csv.size(), cell, end, &state) == csv.size() && csv_fini(&parser, cell, end, &state) == 0;
  csv_free(&parser);
  if (!read || state.uneven)
    throw Error(ErrorCode::invalid_argument, "Row " + std::to_string(state.table.rows.size() + (state.uneven ? 1 : 0)) + " (the header is row 0) " +
                                                 (state.uneven ? "has more or fewer cells than the header." : "has a quote that is never closed."));
  return std::move(state.table);
}

}  // namespace caravan::records
