#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace caravan::records {

/// A CSV file (RFC 4180, UTF-8) with a header; cells and names without the blanks around them.
struct TableFile {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;  ///< each as long as the header
};

/// Throws invalid_argument naming the row where the CSV breaks or has more or fewer cells than the header.
TableFile read_table(std::string_view csv);

}  // namespace caravan::records
