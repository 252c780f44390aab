#include "model/diagnostics.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "model/check_codes.h"

namespace caravan::model {

Origin to_origin(const Place& place) {
  return {place.file ? place.file->name : std::string(), place.line, place.column};
}

std::string to_string(const Place& place) {
  if (!place.file) return "(built in)";
  return place.file->name + ":" + std::to_string(place.line) + ":" + std::to_string(place.column);
}

std::string to_string(const Diagnostic& diagnostic) {
  std::string out;
  if (!diagnostic.at.file.empty()) {
    out += diagnostic.at.file + ":" + std::to_string(diagnostic.at.line) + ":" +
           std::to_string(diagnostic.at.column) + ": ";
  }
  out += diagnostic.severity == Diagnostic::Severity::error ? "error: " : "warning: ";
  out += diagnostic.message;
  if (!diagnostic.hint.empty()) out += ": " + diagnostic.hint;
  out += " [" + diagnostic.code + "]";
  return out;
}

void Diagnostics::keep(Found&& found) {
  const bool is_error = found.diagnostic.severity == Diagnostic::Severity::error;
  failed_ = failed_ || is_error;
  std::size_t& kept = is_error ? errors_ : warnings_;
  if (kept >= limit) {
    ++(is_error ? dropped_errors_ : dropped_warnings_);
    return;
  }
  ++kept;
  found_.push_back(std::move(found));
}

void Diagnostics::add(Diagnostic::Severity severity, const Place& at, std::string&& code,
                      std::string&& message, std::string&& hint) {
  keep({at.file ? at.file->order : 0,
        {severity, to_origin(at), std::move(code), std::move(message), std::move(hint)}});
}

void Diagnostics::error(const Place& at, std::string code, std::string message, std::string hint) {
  const CheckCode* check = at.file != nullptr && at.file->edition < current_edition ? find_check_code(code) : nullptr;
  const int since = check != nullptr ? check->edition : first_edition;
  if (at.file != nullptr && since > at.file->edition) {
    hint += (hint.empty() ? "" : "; ") + ("an error from edition " + std::to_string(since) + " on");
    return warning(at, std::move(code), std::move(message), std::move(hint));
  }
  add(Diagnostic::Severity::error, at, std::move(code), std::move(message), std::move(hint));
}

void Diagnostics::warning(const Place& at, std::string code, std::string message, std::string hint) {
  add(Diagnostic::Severity::warning, at, std::move(code), std::move(message), std::move(hint));
}

void Diagnostics::append(Diagnostics&& other) {
  failed_ = failed_ || other.failed_;
  dropped_errors_ += other.dropped_errors_;
  dropped_warnings_ += other.dropped_warnings_;
  for (Found& found : other.found_) keep(std::move(found));
  other.found_.clear();
}

std::vector<Diagnostic> Diagnostics::take() {
  std::stable_sort(found_.begin(), found_.end(), [](const Found& a, const Found& b) {
    return std::tie(a.file_order, a.diagnostic.at.line, a.diagnostic.at.column) <
           std::tie(b.file_order, b.diagnostic.at.line, b.diagnostic.at.column);
  });
  std::vector<Diagnostic> out;
  out.reserve(found_.size() + 1);
  for (Found& found : found_) out.push_back(std::move(found.diagnostic));
  const auto summary = [&](Diagnostic::Severity severity, std::size_t dropped, const char* what) {
    if (dropped == 0) return;
    out.push_back({severity,
                   {},
                   "too-many",
                   std::to_string(dropped) + " more " + what + " were found",
                   "mend those above first"});
  };
  summary(Diagnostic::Severity::error, dropped_errors_, "mistakes");
  summary(Diagnostic::Severity::warning, dropped_warnings_, "warnings");
  found_.clear();
  return out;
}

namespace {

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  std::iota(last.begin(), last.end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    before_last.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

constexpr std::size_t longest_compared = 64;
constexpr std::size_t most_compared = 1000;

}  // namespace

std::string nearest(std::string_view word, const std::vector<std::string_view>& candidates) {
  if (word.empty() || word.size() > longest_compared) return {};
  std::size_t best = std::max<std::size_t>(1, word.size() / 3) + 1;
  std::string_view found;
  std::size_t compared = 0;
  for (std::string_view candidate : candidates) {
    if (++compared > most_compared) break;
    if (candidate.size() > longest_compared || candidate.empty()) continue;
    const std::size_t apart = distance(word, candidate);
    if (apart < best) {
      best = apart;
      found = candidate;
    }
  }
  return std::string(found);
}

std::string suggest(std::string_view word, const std::vector<std::string_view>& candidates) {
  const std::string near = nearest(word, candidates);
  if (!near.empty()) return "did you mean \"" + near + "\"?";
  if (candidates.empty() || candidates.size() > 24) return {};
  std::string out = "known are ";
  if (candidates.size() == 1) out = "the only one is ";
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (i > 0) out += i + 1 == candidates.size() ? " and " : ", ";
    out += candidates[i];
  }
  return out;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  std::size_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xC0) != 0x80 && ++characters > 60) {
      out += "…";
      break;
    }
    out += byte < 0x20 ? ' ' : text[i];
  }
  return out + "\"";
}

}  // namespace caravan::model
