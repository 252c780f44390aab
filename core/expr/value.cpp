#include "expr/value.h"

#include <cstring>
#include <type_traits>

#include "expr/expression.h"

namespace caravan::expr {

bool Value::same_as(const Value& other) const {
  if (data_.index() != other.data_.index()) return false;
  return std::visit(
      [&](const auto& mine) {
        using T = std::decay_t<decltype(mine)>;
        const T& theirs = std::get<T>(other.data_);
        if constexpr (std::is_same_v<T, double>) {
          return std::memcmp(&mine, &theirs, sizeof mine) == 0;
        } else if constexpr (std::is_same_v<T, Decimal>) {
          return mine.unscaled == theirs.unscaled && mine.scale == theirs.scale && mine.currency == theirs.currency;
        } else if constexpr (std::is_same_v<T, std::shared_ptr<const List>>) {
          if (mine == theirs) return true;
          if (mine->size() != theirs->size()) return false;
          for (std::size_t i = 0; i < mine->size(); ++i) {
            if (!(*mine)[i].same_as((*theirs)[i])) return false;
          }
          return true;
        } else if constexpr (std::is_same_v<T, std::shared_ptr<const Map>>) {
          if (mine == theirs) return true;
          if (mine->size() != theirs->size()) return false;
          for (std::size_t i = 0; i < mine->size(); ++i) {
            if (!(*mine)[i].first.same_as((*theirs)[i].first) || !(*mine)[i].second.same_as((*theirs)[i].second)) return false;
          }
          return true;
        } else {
          return mine == theirs;
        }
      },
      data_);
}

const Value* RecordView::peek(std::uint32_t) const { return nullptr; }

}  // namespace caravan::expr
