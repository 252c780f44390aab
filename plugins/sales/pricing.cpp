#include "pricing.h"

#include <tuple>

namespace sales {
namespace {

const SeasonPrice* best_row(const std::vector<SeasonPrice>& rows, const std::string& kind,
                            std::chrono::sys_days on, std::int64_t party) {
  const SeasonPrice* best = nullptr;
  for (const SeasonPrice& row : rows) {
    if (row.kind != kind || on < row.from || row.to < on || row.party_from > party) continue;
    if (!best || std::tie(row.party_from, row.from) > std::tie(best->party_from, best->from)) best = &row;
  }
  return best;
}

}  // namespace

std::optional<SeasonPrice> price_for(const std::vector<SeasonPrice>& rows, const std::string& kind,
                                     std::chrono::sys_days on, std::int64_t party) {
  const SeasonPrice* best = best_row(rows, kind, on, party);
  if (!best && kind != "infant") best = best_row(rows, "adult", on, party);
  if (!best) return std::nullopt;
  return *best;
}

}  // namespace sales
