#include "expr/arithmetic.h"

#include <cmath>
#include <limits>

namespace caravan::expr {
namespace {

constexpr std::int64_t min_int = std::numeric_limits<std::int64_t>::min();
constexpr int min_year_days = -719'162, max_year_days = 2'932'896;  // 0001-01-01, 9999-12-31

const char* symbol(Op op) {
  switch (op) {
    case Op::add: return "+";
    case Op::subtract: return "-";
    case Op::multiply: return "*";
    case Op::divide: return "/";
    default: return "%";
  }
}

const Value* put(Value& out, Value value) {
  out = std::move(value);
  return &out;
}

template <class T>
const Value* integers(Op op, T a, T b, Frame& frame, Value& out) {
  T result = 0;
  bool overflow = false;
  switch (op) {
    case Op::add: overflow = __builtin_add_overflow(a, b, &result); break;
    case Op::subtract: overflow = __builtin_sub_overflow(a, b, &result); break;
    case Op::multiply: overflow = __builtin_mul_overflow(a, b, &result); break;
    case Op::divide:
    case Op::modulo:
      if (b == 0) return frame.fail(op == Op::divide ? "division by zero" : "modulus by zero");
      if constexpr (std::is_signed_v<T>) {
        if (a == min_int && b == -1) {
          if (op == Op::modulo) return frame.fail("the result is out of range: `%`");
          overflow = true;
          break;
        }
      }
      result = op == Op::divide ? a / b : a % b;
      break;
    default: break;
  }
  if (overflow) return frame.fail(std::string("the result is out of range: `") + symbol(op) + "`");
  return put(out, result);
}

const Value* decimals(Op op, Decimal a, Decimal b, Frame& frame, Value& out) {
  if (op == Op::multiply && a.has_currency() && b.has_currency()) return frame.fail("two amounts of money cannot be multiplied");
  if (a.has_currency() && b.has_currency() && a.currency != b.currency) {
    return frame.fail("amounts in " + std::string(a.currency_code()) + " and " + std::string(b.currency_code()) + " do not mix");
  }
  std::optional<Decimal> result;
  switch (op) {
    case Op::add:
    case Op::subtract:
      // A plain number takes the currency of the other.
      if (!a.has_currency()) a.currency = b.currency;
      b.currency = a.currency;
      result = op == Op::add ? add(a, b) : subtract(a, b);
      break;
    case Op::multiply: result = multiply(a, b); break;
    case Op::divide:
      if (b.unscaled == 0) return frame.fail("division by zero");
      if (b.has_currency() && !a.has_currency()) return frame.fail("a number cannot be divided by an amount of money");
      result = divide(a, b);
      break;
    default: return frame.fail("`%` is not defined for decimals");
  }
  if (!result) return frame.fail(std::string("the result has more than 18 digits: `") + symbol(op) + "`");
  return put(out, *result);
}

const Value* no_overload(Op op, const Value& a, const Value& b, Frame& frame) {
  return frame.fail(std::string("`") + symbol(op) + "` is not defined for " + type_name(a) + " and " + type_name(b));
}

const Value* shift_date(Date date, std::int64_t days, Frame& frame, Value& out) {
  std::int64_t result = 0;
  if (__builtin_add_overflow(std::int64_t{date.days}, days, &result) || result < min_year_days || result > max_year_days) {
    return frame.fail("the date is out of range: years 0001 to 9999");
  }
  return put(out, Date{static_cast<std::int32_t>(result)});
}

const Value* shift_timestamp(const Timestamp& at, wide nanos, Frame& frame, Value& out) {
  const auto result = make_timestamp(total_nanos(at) + nanos);
  if (!result) return frame.fail("the timestamp is out of range: years 0001 to 9999");
  return put(out, *result);
}

const Value* put_duration(wide nanos, Frame& frame, Value& out) {
  const auto result = make_duration(nanos);
  if (!result) return frame.fail("the duration is out of range");
  return put(out, *result);
}

const Value* concatenate(const std::string& a, const std::string& b, Frame& frame, std::string& result) {
  if (a.size() + b.size() > max_text) return frame.fail("the text is too long");
  if (!frame.spend((a.size() + b.size()) / 256)) return nullptr;
  result.reserve(a.size() + b.size());
  result.append(a).append(b);
  return &null_value();
}

const Value* concatenate_lists(const List& a, const List& b, Frame& frame, Value& out) {
  if (a.size() + b.size() > max_elements) return frame.fail("the list is too long");
  if (!frame.spend(a.size() + b.size())) return nullptr;
  List result;
  result.reserve(a.size() + b.size());
  result.insert(result.end(), a.begin(), a.end());
  result.insert(result.end(), b.begin(), b.end());
  return put(out, std::move(result));
}

}  // namespace

std::optional<Decimal> to_decimal(const Value& value) {
  if (const auto* d = value.as<Decimal>()) return *d;
  constexpr std::int64_t max = 999'999'999'999'999'999;
  if (const auto* i = value.as<std::int64_t>()) {
    if (*i > max || *i < -max) return std::nullopt;
    return Decimal{*i, 0, {0, 0, 0}};
  }
  if (const auto* u = value.as<std::uint64_t>()) {
    if (*u > static_cast<std::uint64_t>(max)) return std::nullopt;
    return Decimal{static_cast<std::int64_t>(*u), 0, {0, 0, 0}};
  }
  return std::nullopt;
}

wide total_nanos(const Duration& duration) { return wide{duration.seconds} * 1'000'000'000 + duration.nanos; }

std::optional<Duration> make_duration(wide nanos) {
  if (nanos > std::numeric_limits<std::int64_t>::max() || nanos < min_int) return std::nullopt;
  const auto total = static_cast<std::int64_t>(nanos);
  return Duration{total / 1'000'000'000, static_cast<std::int32_t>(total % 1'000'000'000)};
}

wide total_nanos(const Timestamp& at) { return wide{at.micros} * 1000 + at.nanos; }

std::optional<Timestamp> make_timestamp(wide nanos) {
  if (nanos < wide{min_timestamp_seconds} * 1'000'000'000 || nanos >= (wide{max_timestamp_seconds} + 1) * 1'000'000'000) {
    return std::nullopt;
  }
  auto micros = static_cast<std::int64_t>(nanos / 1000);
  auto rest = static_cast<std::int16_t>(nanos % 1000);
  if (rest < 0) {
    --micros;
    rest = static_cast<std::int16_t>(rest + 1000);
  }
  return Timestamp{micros, rest};
}

const Value* negate(const Value& a, Frame& frame, Value& out) {
  if (const auto* i = a.as<std::int64_t>()) {
    if (*i == min_int) return frame.fail("the result is out of range: `-`");
    return put(out, -*i);
  }
  if (const auto* d = a.as<double>()) return put(out, -*d);
  if (const auto* d = a.as<Decimal>()) return put(out, Decimal{-d->unscaled, d->scale, d->currency});
  return frame.fail("`-` is not defined for " + type_name(a));
}

const Value* arithmetic(Op op, const Value& a, const Value& b, Frame& frame, Value& out) {
  if (const auto* x = a.as<std::int64_t>()) {
    if (const auto* y = b.as<std::int64_t>()) return integers(op, *x, *y, frame, out);
    if (const auto* y = b.as<Date>(); y && op == Op::add) return shift_date(*y, *x, frame, out);
  }
  if (const auto* x = a.as<std::uint64_t>()) {
    if (const auto* y = b.as<std::uint64_t>()) return integers(op, *x, *y, frame, out);
  }
  if (a.is<Decimal>() || b.is<Decimal>()) {
    if (!a.is<double>() && !b.is<double>()) {
      const auto x = to_decimal(a), y = to_decimal(b);
      if (x && y) return decimals(op, *x, *y, frame, out);
      const bool numbers = (a.is<Decimal>() || a.is<std::int64_t>() || a.is<std::uint64_t>()) &&
                           (b.is<Decimal>() || b.is<std::int64_t>() || b.is<std::uint64_t>());
      if (numbers) return frame.fail("a decimal has at most 18 digits");
    }
    return no_overload(op, a, b, frame);
  }
  if (const auto* x = a.as<double>()) {
    if (const auto* y = b.as<double>()) {
      switch (op) {
        case Op::add: return put(out, *x + *y);
        case Op::subtract: return put(out, *x - *y);
        case Op::multiply: return put(out, *x * *y);
        case Op::divide: return put(out, *x / *y);
        default: return no_overload(op, a, b, frame);
      }
    }
    return no_overload(op, a, b, frame);
  }
  if (op == Op::add) {
    if (const auto* x = a.as<std::string>()) {
      if (const auto* y = b.as<std::string>()) {
        std::string text;
        if (!concatenate(*x, *y, frame, text)) return nullptr;
        return put(out, std::move(text));
      }
    } else if (const auto* xb = a.as<Bytes>()) {
      if (const auto* y = b.as<Bytes>()) {
        Bytes bytes;
        if (!concatenate(xb->data, y->data, frame, bytes.data)) return nullptr;
        return put(out, std::move(bytes));
      }
    } else if (const auto* xl = a.as_list()) {
      if (const auto* y = b.as_list()) return concatenate_lists(*xl, *y, frame, out);
    } else if (const auto* xt = a.as<Timestamp>()) {
      if (const auto* y = b.as<Duration>()) return shift_timestamp(*xt, total_nanos(*y), frame, out);
    } else if (const auto* xr = a.as<Duration>()) {
      if (const auto* y = b.as<Timestamp>()) return shift_timestamp(*y, total_nanos(*xr), frame, out);
      if (const auto* y = b.as<Duration>()) return put_duration(total_nanos(*xr) + total_nanos(*y), frame, out);
    } else if (const auto* xd = a.as<Date>()) {
      if (const auto* y = b.as<std::int64_t>()) return shift_date(*xd, *y, frame, out);
    }
  } else if (op == Op::subtract) {
    if (const auto* xt = a.as<Timestamp>()) {
      if (const auto* y = b.as<Duration>()) return shift_timestamp(*xt, -total_nanos(*y), frame, out);
      if (const auto* y = b.as<Timestamp>()) return put_duration(total_nanos(*xt) - total_nanos(*y), frame, out);
    } else if (const auto* xr = a.as<Duration>()) {
      if (const auto* y = b.as<Duration>()) return put_duration(total_nanos(*xr) - total_nanos(*y), frame, out);
    } else if (const auto* xd = a.as<Date>()) {
      if (const auto* y = b.as<Date>()) return put(out, std::int64_t{xd->days} - y->days);
      if (const auto* y = b.as<std::int64_t>()) {
        if (*y == min_int) return frame.fail("the date is out of range: years 0001 to 9999");
        return shift_date(*xd, -*y, frame, out);
      }
    }
  }
  return no_overload(op, a, b, frame);
}

}  // namespace caravan::expr
