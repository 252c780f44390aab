#include "recommend.h"

#include <algorithm>
#include <cstdlib>

#include "fees.h"

namespace sales {
namespace {

// Points of each part; a part that the customer says nothing about is left out, and the sum is scaled to 100.
constexpr int place_points = 35, date_points = 20, budget_points = 20, interest_points = 10, days_points = 6,
              hotel_points = 4, rating_points = 5;

bool contains(const std::string& text, const std::string& word) {
  return !word.empty() && text.find(word) != std::string::npos;
}

}  // namespace

std::vector<std::string> words_of(std::string_view text) {
  static constexpr std::string_view separators[] = {"·",  "、", "，", "；", "。", "/", ",",  ";", " ",
                                                    "\t", "\n", "+",  "|",  "－", "-", "和", "及"};
  std::vector<std::string> words;
  std::string word;
  const auto end = [&] {
    if (!word.empty()) words.push_back(std::move(word));
    word.clear();
  };
  while (!text.empty()) {
    std::size_t cut = 0;
    for (const std::string_view separator : separators) {
      if (text.starts_with(separator)) cut = separator.size();
    }
    if (cut > 0) {
      end();
    } else {
      word += text.front();
      cut = 1;
    }
    text.remove_prefix(cut);
  }
  end();
  return words;
}

Recommendation score(const Need& need, const Candidate& candidate) {
  Recommendation out;
  out.id = candidate.id;
  int points = 0, possible = 0;
  const auto part = [&](int most, int got, const char* code, std::string detail) {
    possible += most;
    points += got;
    out.reasons.push_back({code, got * 2 >= most, std::move(detail)});
  };

  if (!need.places.empty()) {
    std::string found;
    std::size_t hits = 0;
    for (const std::string& place : need.places) {
      if (!contains(candidate.destination, place) && !contains(candidate.name, place) &&
          !contains(candidate.highlights, place))
        continue;
      ++hits;
      found += (found.empty() ? "" : "、") + place;
    }
    part(place_points, static_cast<int>(place_points * hits / need.places.size()), "place", found);
  }

  // The offer nearest to the wished day that has seats, one within the budget before those beyond; without a
  // wish, the first one.
  const auto price_of = [&](const Offer& offer) {
    return offer.price_cents > 0 ? offer.price_cents : candidate.price_cents;
  };
  const auto within = [&](std::int64_t price) { return !need.budget_cents || price <= *need.budget_cents; };
  const Offer* best = nullptr;
  std::int64_t best_distance = 0;
  bool dated = false;
  for (const Offer& offer : candidate.offers) {
    const std::int64_t distance = need.depart_on ? std::abs((offer.depart_on - *need.depart_on).count())
                                                 : offer.depart_on.time_since_epoch().count();
    if (need.depart_on && distance > need.flexible_days) continue;
    dated = true;
    if (offer.seats < need.party) continue;
    const bool better =
        !best || (within(price_of(offer)) != within(price_of(*best)) ? within(price_of(offer))
                                                                     : distance < best_distance);
    if (better) best = &offer, best_distance = distance;
  }
  if (need.depart_on) {
    const int got =
        best ? date_points - static_cast<int>(best_distance * date_points / (2 * (need.flexible_days + 1)))
             : 0;
    part(date_points, got, dated && !best ? "seats" : "date", best ? best->number : std::string());
  } else if (best) {
    out.reasons.push_back({"date", true, best->number});
  }
  if (best) out.departure = best->number;

  const std::int64_t price = out.price_cents = best ? price_of(*best) : candidate.price_cents;
  const bool affordable = within(price);
  if (need.budget_cents) {
    // Just within the budget is as good as cheaper; far below it, the customer expects more.
    int got = affordable ? budget_points : 0;
    if (affordable && price * 2 < *need.budget_cents) got = budget_points * 3 / 4;
    part(budget_points, got, "budget", decimal_text(price));
  }
  if (!need.interests.empty()) {
    std::size_t hits = 0;
    std::string found;
    for (const std::string& interest : need.interests) {
      if (std::find(candidate.interests.begin(), candidate.interests.end(), interest) ==
          candidate.interests.end())
        continue;
      ++hits;
      found += (found.empty() ? "" : ",") + interest;
    }
    part(interest_points, static_cast<int>(interest_points * hits / need.interests.size()), "interest",
         found);
  }
  if (need.days) {
    const std::int64_t away = std::abs(*need.days - candidate.days);
    part(days_points,
         away == 0   ? days_points
         : away == 1 ? days_points / 2
                     : 0,
         "days", std::to_string(candidate.days));
  }
  if (need.hotel_stars && candidate.hotel_stars) {
    part(hotel_points, *candidate.hotel_stars >= *need.hotel_stars ? hotel_points : 0, "hotel",
         std::to_string(*candidate.hotel_stars));
  }
  if (candidate.rating) {
    part(rating_points, static_cast<int>(rating_points * std::clamp(*candidate.rating, 0.0, 100.0) / 100),
         "rating", std::to_string(static_cast<int>(*candidate.rating)));
  }
  out.score = possible > 0 ? points * 100 / possible : 0;
  out.fits = affordable && best != nullptr;
  return out;
}

std::vector<Recommendation> recommend(const Need& need, const std::vector<Candidate>& candidates,
                                      std::size_t count) {
  std::vector<Recommendation> out;
  out.reserve(candidates.size());
  for (const Candidate& candidate : candidates) out.push_back(score(need, candidate));
  const auto better = [](const Recommendation& a, const Recommendation& b) {
    if (a.fits != b.fits) return a.fits;
    if (a.score != b.score) return a.score > b.score;
    return a.id < b.id;
  };
  count = std::min(count, out.size());
  std::partial_sort(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(count), out.end(), better);
  out.resize(count);
  return out;
}

}  // namespace sales
