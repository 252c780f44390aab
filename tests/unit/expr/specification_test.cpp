#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "expr/expression.h"
#include "records.h"

/// The language definition, sentence by sentence: every line of a table must be true, or must fail.
namespace caravan::expr {
namespace {

std::string outcome(std::string_view source, bool checked = true) {
  Environment environment;
  environment.checked = checked;
  const auto c = compile(source, environment);
  if (!c.program) return "mistake: " + c.issues[0].message;
  const Evaluation e = c.program->evaluate(Activation{});
  if (e.outcome == Outcome::unknown) return "unknown";
  if (e.outcome == Outcome::error) return "error: " + e.message;
  const bool* b = e.value.as<bool>();
  return b ? *b ? "true" : "false" : "another value";
}

void all_true(std::initializer_list<std::string> sources, bool checked = true) {
  for (const auto& source : sources) EXPECT_EQ(outcome(source, checked), "true") << source;
}
void all_fail(std::initializer_list<std::string> sources, bool checked = true) {
  using ::testing::AnyOf;
  using ::testing::StartsWith;
  for (const auto& source : sources) EXPECT_THAT(outcome(source, checked), AnyOf(StartsWith("mistake"), StartsWith("error"))) << source;
}

std::string repeat(std::string_view text, int n) {
  std::string out;
  while (n-- > 0) out += text;
  return out;
}

TEST(Specification, Literals) {
  all_true({"0xff == 255", "-0xA == -10", "0x10u == 16u", "18446744073709551615u > 0u", "-9223372036854775808 < 0", "9223372036854775807 > 0", ".5 == 0.5", "1e3 == 1000.0",
            "1.5e-2 == 0.015", "-.5 == -0.5", "1E+2 == 100.0", "type(7) == int", "type(7u) == uint", "type(7.0) == double", "type(7e0) == double", "true != false", "null == null",
            "// a comment\n1 == 1", "1 == 1 // at the end", "1\t+\n1\r\n==\f2", "[1,] == [1]", "{'a': 1,} == {'a': 1}"});
  all_fail({"9223372036854775808", "-9223372036854775809", "18446744073709551616u", "0x", "1.", "1..2", "1e", "08x", "1u2", "''''", "'a\nb'", "\"a", "'\\q'", "'\\x1'", "'\\400'", "'\\08'", "'\\u12'",
            "'\\U0011FFFF'", "'\\uD800'", "b'\\u0041'", "b'\\U00000041'", "0X", "1 2", "a b", "''x''", "`a`", "x.``", "1 == ", "&& true", "true &", "!", "-", "()", "{", "[1", "{1}", "{1: }", "a.in", "in"});
}

TEST(Specification, TextLiterals) {
  all_true({R"('\a\b\f\n\r\t\v\\\?\'\"\`' == '\x07\x08\x0c\x0a\x0d\x09\x0b\x5c\x3f\x27\x22\x60')", R"('\101\x41\X41\u0041\U00000041' == 'AAAAA')", R"('\377' == 'ÿ' && '\xff' == '\u00ff')",
            R"(b'\377' == b'\xff' && b'ÿ' == b'\303\277')", R"(size(b'ÿ') == 2 && size('ÿ') == 1)", R"('\303\277' == 'Ã¿')", R"('\U0001F600' == '😀' && size('😀') == 1)", R"('\uD83D\uDE00' == '😀')",
            R"(r'\n' == '\\n' && R"\x41".size() == 4)", R"(br'\n' == b'\\n')", R"('''a'b''c''' == "a'b''c")", "'''a\nb''' == 'a\\nb'", "\"\"\"a\"\"b\"\"\" == 'a\"\"b'",
            R"("it's" == 'it\'s')", R"('"' == "\"")", "'''''' == ''", "r'''\\''' == '\\\\'"});
  all_fail({"rb''", "'a' 'b'"});
}

TEST(Specification, EqualityAcrossTypes) {
  all_true({"1 == 1", "dyn(1) == 1u", "dyn(1) == 1.0", "dyn(1u) == 1.0", "dyn(1) != 1.5", "dyn(1) != '1'", "dyn(1) != true", "dyn(null) != 0", "dyn(false) != null", "dyn('') != b''", "[1] == [dyn(1.0)]",
            "[dyn(1), 2u] == [1.0, 2]", "{'a': dyn(1)} == {'a': 1u}", "dyn({1: 'a'}) == {1u: 'a'}", "dyn({1.0 == 1.0: 1}) == {true: 1}", "{'a': 1, 'b': 2} == {'b': 2, 'a': 1}", "{'a': 1} != {'a': 2}",
            "{'a': 1} != {'b': 1}", "{'a': 1} != {}", "[] == []", "[1] != [1, 2]", "[[1], [2]] == [[1], [2]]", "[1, 2] != [2, 1]", "double('NaN') != double('NaN')", "[double('NaN')] != [double('NaN')]",
            "!(double('NaN') == double('NaN'))", "dyn(9223372036854775807) == 9223372036854775807u", "dyn(-1) != 18446744073709551615u", "0.0 == -0.0", "type(1) == type(2)", "type(1) != type(1u)",
            "type(type(1)) == type", "type(null) == null_type", "type([]) == list", "type({}) == map", "type('') == string", "type(b'') == bytes", "type(true) == bool", "type(dyn(1)) == int",
            "type(timestamp('2009-02-13T23:31:30Z')) == google.protobuf.Timestamp", "type(duration('1s')) == google.protobuf.Duration", "int == int", "bool != int", "'é' != 'e\\u0301'"});
  all_fail({"1 == '1'", "1 == 1u", "1 == 1.0", "[1] == ['a']", "true == 1"});
  all_true({"1 == 1u", "1 == 1.0", "'1' != 1", "[1] != ['1']"}, false);
}

TEST(Specification, Order) {
  all_true({"1 < 1.5", "1u < 2", "-1 < 1u", "1.0 <= 1", "2u >= 2.0", "dyn(18446744073709551615u) > 9223372036854775807", "dyn(-1) < 18446744073709551615u", "dyn(1) < dyn(1.1)", "'a' < 'b' && 'Z' < 'a'",
            "'a' < 'aa'", "'' < 'a'", "'À' < 'Α'", "'😀' > '\\uffff'", "b'a' < b'b' && b'' < b'a' && b'a' < b'aa' && b'\\xff' > b'a'", "false < true && !(true < false) && true >= true",
            "duration('1s') < duration('1.000000001s')", "timestamp('2009-02-13T23:31:30Z') < timestamp('2009-02-13T23:31:30.000000001Z')", "!(double('NaN') < 1.0) && !(double('NaN') >= 1.0)",
            "double('Infinity') > 9223372036854775807", "double('-Infinity') < -9223372036854775808", "dyn(9223372036854775807) < 9223372036854777857.0", "dyn(18446744073709551615u) < 18446744073709590000.0"});
  all_fail({"'a' < 1", "[1] < [2]", "{} < {}", "null < null", "dyn('a') < dyn(1)", "dyn(true) < dyn(1)", "int < uint", "dyn(timestamp(0)) < dyn(duration('1s'))", "b'a' < 'b'"});
}

TEST(Specification, Integers) {
  all_true({"7 / 2 == 3 && -7 / 2 == -3 && 7 / -2 == -3", "-7 % 2 == -1 && 7 % -2 == 1", "9223372036854775807 + -1 == 9223372036854775806", "-9223372036854775807 - 1 == -9223372036854775808",
            "3037000499 * 3037000499 == 9223372030926249001", "--1 == 1", "---1 == -1", "-(1) == -1", "1 - -1 == 2", "2 + 3 * 4 == 14 && (2 + 3) * 4 == 20", "10 - 4 - 3 == 3", "100 / 10 / 5 == 2", "7u / 2u == 3u && 7u % 2u == 1u",
            "18446744073709551615u - 1u == 18446744073709551614u", "9223372036854775807 * -1 == -9223372036854775807"});
  all_fail({"9223372036854775807 + 1", "-9223372036854775808 - 1", "-9223372036854775807 + -2", "9223372036854775807 * 2", "-9223372036854775808 * -1", "-(-9223372036854775808)", "-9223372036854775808 / -1",
            "-9223372036854775808 % -1", "1 / 0", "1 % 0", "0 / 0", "1u / 0u", "1u % 0u", "18446744073709551615u + 1u", "0u - 1u", "18446744073709551615u * 2u", "-(1u)", "1 + 1u", "1 + 1.0", "dyn(1) + dyn(1u)", "1.5 % 1.0",
            "dyn(1) % dyn(1.0)", "5000000000 * 5000000000", "true + true", "null + 1"});
}

TEST(Specification, Doubles) {
  all_true({"1.0 / 0.0 == double('inf') || 1.0 / 0.0 == double('Infinity')", "-1.0 / 0.0 == double('-Infinity')", "0.0 / 0.0 != 0.0 / 0.0", "0.1 + 0.2 != 0.3", "1e308 * 10.0 == double('Infinity')", "1e-320 > 0.0", "-(1.5) == -1.5",
            "2.0 - 0.5 == 1.5", "3.0 * 0.5 == 1.5"});
}

TEST(Specification, Conversions) {
  all_true({"int('-9223372036854775808') == -9223372036854775808", "int('+7') == 7", "int('007') == 7", "int(7u) == 7", "int(-0.9) == 0", "int(9007199254740993.0) == 9007199254740992", "uint(7.9) == 7u", "uint('18446744073709551615') == 18446744073709551615u",
            "uint(7) == 7u", "double(7) == 7.0", "double(7u) == 7.0", "double('1e3') == 1000.0", "double('-0.5') == -0.5", "string(1.0) == '1'", "string(-1.5) == '-1.5'", "string(1e3) == '1000'", "string(6.02214e23) == '6.02214e+23'",
            "string(1e-7) == '1e-07'", "string(1234567.5) == '1234567.5'", "double(string(0.1)) == 0.1", "double(string(1.7976931348623157e308)) == 1.7976931348623157e308", "string(5e-324) == '5e-324'", "string(double('NaN')) == 'NaN'",
            "string(true) == 'true'", "string(-7) == '-7'", "string(7u) == '7'", "string(b'\\xe5\\x8c\\x97') == '北'", "bytes('北') == b'\\xe5\\x8c\\x97'", "bool('true') && !bool('false') && bool('1') && !bool('0') && bool('t') && !bool('f')",
            "bool('TRUE') && bool('True') && !bool('False') && bool(true)", "int(1) == 1 && uint(1u) == 1u && string('a') == 'a' && double(1.5) == 1.5 && bytes(b'a') == b'a'",
            "timestamp(timestamp(0)) == timestamp('1970-01-01T00:00:00Z') && duration(duration('1s')) == duration('1s')", "int(timestamp('1969-12-31T23:59:59.5Z')) == -1", "type(dyn(1)) == int && dyn(1) == 1",
            "double('Infinity') > 0.0 && double('-Infinity') < 0.0", "int('0') == 0 && int('-0') == 0"});
  all_fail({"int('')", "int(' 1')", "int('1 ')", "int('1.0')", "int('0x1F')", "int('1e3')", "int('--1')", "int('+-1')", "int('9223372036854775808')", "int(18446744073709551615u)", "int(9223372036854775808.0)", "int(-9223372036854775809.0)",
            "int(double('NaN'))", "int(double('Infinity'))", "int(true)", "int(null)", "int(b'1')", "int([])", "uint(-1)", "uint(-1.0)", "uint('-1')", "uint('')", "uint(18446744073709551616.0)", "uint(double('NaN'))", "double('')", "double('abc')",
            "double(true)", "double('1,5')", "bool('yes')", "bool('TrUe')", "bool('tRUE')", "bool('')", "bool(1)", "string(b'\\xff')", "string([1])", "string({})", "string(null)", "bytes(1)", "timestamp('2009-02-13')", "timestamp('x')", "timestamp(1.5)",
            "duration('x')", "duration('')", "duration('1')", "duration('s')", "duration('1d')", "duration('1h 2m')", "duration(1)", "int()", "int(1, 2)"});
}

TEST(Specification, ListsAndMaps) {
  all_true({"[1, 2, 3][0] == 1", "[1, 2, 3][dyn(1u)] == 2", "[1, 2, 3][dyn(2.0)] == 3", "[1, 'a', [2]][2][0] == dyn(2)", "[1] + [2] == [1, 2]", "[] + [] == []", "[1] + [] == [1]", "1 in [1, 2]", "!(3 in [1, 2])", "dyn(1) in [1u]", "1.0 in [dyn(1)]", "!('a' in [])",
            "[1] in [[1], [2]]", "'a' in {'a': 1}", "!('b' in {'a': 1})", "dyn(1) in {1u: 'x'}", "dyn(1.0) in {1: 'x'}", "!(dyn(1.5) in {1: 'x'})", "dyn(2u) in dyn({1: 'x', 2: 'y'})", "{'a': 1}.a == 1", "{'a': 1}['a'] == 1", "{1: 'a'}[1] == 'a'",
            "{1: 'a'}[dyn(1u)] == 'a'", "{1u: 'a'}[dyn(1.0)] == 'a'", "{true: 'a'}[true] == 'a'", "{'a': null}['a'] == null", "{'a': {'b': [1]}}.a.b[0] == 1", "has({'a': 1}.a)", "!has({'a': 1}.b)", "has({'a': null}.a)", "has({'a': {'b': 1}}.a.b)", "size({}) == 0",
            "size([1, 2]) == 2", "[1, 2].size() == 2", "{'a': 1}.size() == 1", "{'a b': 1}.`a b` == 1", "{'a.b': 1}.`a.b` == 1", "{'a-b/c.d': 1}.`a-b/c.d` == 1", "{'in': 1}.`in` == 1", "{'for': 1}.for == 1", "has({'a-b': 1}.`a-b`)", "!({'a': 1} == {'a': 1u + 1u}) || true"},
           false);
  all_fail({"[1][1]", "[1][-1]", "[][0]", "[1][dyn(0.5)]", "[1][dyn('0')]", "{'a': 1}.b", "{'a': 1}['b']", "{1: 1}[2]", "{1: 'a'}[dyn(1.5)]", "{true: 1}[dyn(1)]", "{'a': 1, 'a': 2}", "{1: 1, 1u: 2}", "{dyn(1): 1, dyn(1u): 2}", "{1.5: 1}", "{null: 1}", "{[1]: 1}", "{b'a': 1}",
            "has(1)", "has({'a': 1}['a'])", "has(dyn(1).a)", "1 in 1", "dyn('a') in dyn('abc')", "1.a", "'a'.b", "has({'a': 1}.a.b)", "[1].a", "1[0]", "'abc'[0]", "null.a"});
}

TEST(Specification, Logic) {
  all_true({"true || 1 / 0 > 0", "1 / 0 > 0 || true", "!(false && 1 / 0 > 0)", "!(1 / 0 > 0 && false)", "true ? true : 1 / 0 > 0", "false ? 1 / 0 > 0 : true", "!!true", "!false && true", "true || false && false", "(true || false) && true",
            "true ? (false ? false : true) : false", "false ? true : false ? true : true", "[1 / 1 == 1 || 1 / 0 == 1, true] == [true, true]"});
  all_fail({"1 / 0 > 0 || false", "true && 1 / 0 > 0", "1 / 0 > 0 ? true : false", "1 || true", "1 ? true : false", "!1", "'a' && true", "null ? 1 : 2", "true ? false ? 1 : 2 : 3"});
  all_true({"'a' || true", "!(false && 32)", "true ? true : 'no'"}, false);
  all_fail({"'a' && true", "'a' || false", "'a' ? true : false", "!'a'"}, false);
}

TEST(Specification, Macros) {
  all_true({"[].all(x, 1 / 0 == x)", "![].exists(x, true)", "[1, 2].all(x, x > 0)", "![1, 2].all(x, x > 1)", "[1, 2].exists(x, x > 1)", "[0, 1].exists(x, 1 / x == 1)", "![0, 2].all(x, 4 / x == 1)", "[1, 2, 3].exists_one(x, x > 2)", "![1, 2, 3].exists_one(x, x > 1)",
            "![].exists_one(x, true)", "[1, 2, 3].filter(x, x > 1) == [2, 3]", "[1, 2].map(x, x * 2) == [2, 4]", "[1, 2, 3].map(x, x > 1, x * 2) == [4, 6]", "{'a': 1, 'b': 2}.all(k, k < 'c')", "{'a': 1}.exists(k, k == 'a')", "{'b': 1, 'a': 2}.map(k, k).size() == 2",
            "{'a': 1, 'b': 2}.filter(k, k == 'b') == ['b']", "[[1, 2], [3]].map(x, x.map(x, x + 1)) == [[2, 3], [4]]", "[1, 2].all(x, [3].exists(y, x < y))", "[1, 2].filter(x, x > 1).map(y, y + 1)[0] == 3", "['a', 'b'].exists(int, int == 'b')", "[1].map(x, type(x)) == [int]",
            "[[1]].all(x, x.all(y, y == 1))", "[1, 2, 3].map(n, [n, n * n]) == [[1, 1], [2, 4], [3, 9]]", "[1, dyn('a')].exists(x, x == dyn('a'))", "[dyn(1), 'a'].exists(x, x.startsWith('a'))"});
  all_fail({"[1, 0].all(x, 1 / x == 1)", "[0].exists(x, 1 / x == 1)", "[0, 1].exists_one(x, 1 / x == 1)", "[0].map(x, 1 / x)", "[0, 1].filter(x, 1 / x == 1)", "[1].all(x, x)", "1.all(x, true)", "'abc'.all(x, true)", "[1].all(1, true)", "[1].map(x.y, 1)", "[1].map(x)", "[1].all(x)",
            "[1].exists(x, y)", "[1].all(x, true) && x == 1", "has(x)", "dyn(1).all(x, true)", "[1].map(.x, 1)"});
}

TEST(Specification, TextFunctions) {
  all_true({"size('') == 0 && '北京'.size() == 2", "'abc'.contains('') && 'abc'.contains('bc') && !'abc'.contains('ac')", "'abc'.startsWith('') && 'abc'.startsWith('ab') && !'abc'.startsWith('b')", "'abc'.endsWith('') && 'abc'.endsWith('bc')", "'a' + 'b' == 'ab' && '' + '' == ''",
            "'abc'.matches('b') && matches('abc', '^a.c$') && !'abc'.matches('^b')", "'北京市'.matches('^北.市$') && 'aé'.matches('\\\\p{L}{2}')", "'abc'.charAt(0) == 'a' && 'abc'.charAt(3) == '' && '北京'.charAt(1) == '京'", "'tacocat'.indexOf('ac') == 1 && 'tacocat'.indexOf('none') == -1",
            "'tacocat'.indexOf('a', 3) == 5 && 'tacocat'.indexOf('') == 0 && 'tacocat'.indexOf('a', 9) == -1", "'ta©o©αT'.indexOf('©') == 2 && 'ta©o©αT'.indexOf('©', 3) == 4", "'tacocat'.lastIndexOf('at') == 5 && 'tacocat'.lastIndexOf('none') == -1 && 'tacocat'.lastIndexOf('') == 7",
            "'tacocat'.lastIndexOf('a', 4) == 1 && 'ta©o©αT'.lastIndexOf('©') == 4", "'TacoCÆt'.lowerAscii() == 'tacocÆt' && 'tacoCæt'.upperAscii() == 'TACOCæT'", "'hello hello'.replace('he', 'we') == 'wello wello' && 'hello hello'.replace('he', 'we', 1) == 'wello hello'",
            "'hello'.replace('l', '') == 'heo' && 'hello'.replace('he', 'we', 0) == 'hello' && 'ab'.replace('', '_') == '_a_b_' && 'hello hello'.replace('he', 'we', -1) == 'wello wello'", "'a,b,c'.split(',') == ['a', 'b', 'c'] && 'a,b,c'.split(',', 2) == ['a', 'b,c']",
            "'abc'.split('') == ['a', 'b', 'c'] && 'a,b'.split(',', 0) == [] && 'a,b'.split(',', 1) == ['a,b'] && ''.split(',') == ['']", "'a,b'.split(',', -1) == ['a', 'b'] && ',a,'.split(',') == ['', 'a', '']", "['a', 'b'].join() == 'ab' && ['a', 'b'].join('-') == 'a-b' && [].join('x') == ''",
            "'tacocat'.substring(4) == 'cat' && 'tacocat'.substring(0, 4) == 'taco' && 'ta©o'.substring(2, 3) == '©' && 'abc'.substring(3) == '' && 'abc'.substring(1, 1) == ''", "' \\t\\u3000a b\\u00a0\\n'.trim() == 'a b' && '\\u200ba\\ufeff'.trim() == '\\u200ba\\ufeff' && ''.trim() == ''",
            "'gums'.reverse() == 'smug' && '北京'.reverse() == '京北' && ''.reverse() == ''", "strings.quote('a\"b\\n') == '\"a\\\\\"b\\\\n\"'", "'%s-%d'.format(['a', 1]) == 'a-1'", "'%.2f %e %b %x %X %o %%'.format([1.005, 1052.032911275, 5, 255, 255, 8]) == '1.00 1.052033e+03 101 ff FF 10 %'",
            "'%s'.format([{'b': 1, 'a': [true, null]}]) == '{a: [true, null], b: 1}'", "'%x'.format(['Hello']) == '48656c6c6f' && '%x'.format([b'\\xff']) == 'ff' && '%b'.format([true]) == '1' && '%x'.format([-255]) == '-ff'", "'%s'.format([duration('1h')]) == '3600s' && '%s'.format([timestamp(0)]) == '1970-01-01T00:00:00Z'",
            "'%d'.format([18446744073709551615u]) == '18446744073709551615' && '%d'.format([-9223372036854775808]) == '-9223372036854775808'"});
  all_fail({"'abc'.charAt(4)", "'abc'.charAt(-1)", "'abc'.indexOf('a', -1)", "'abc'.lastIndexOf('a', -1)", "'abc'.substring(4)", "'abc'.substring(-1)", "'abc'.substring(2, 1)", "'abc'.substring(1, 4)", "'abc'.matches('(')", "'abc'.matches('a**')", "['a', 1].join()", "[1].join()", "'%'.format([])", "'%s'.format([])",
            "'%d'.format(['a'])", "'%f'.format(['a'])", "'%q'.format([1])", "'%x'.format([1.5])", "'%o'.format(['a'])", "'%e'.format([true])", "'a'.format('a')", "1.size()", "size(1)", "'a'.contains(1)", "42.startsWith('4')", "'a' + 1", "'a' + b'a'", "'a'.trim(1)", "f_unknown(17)", "'a'.f_unknown()", "strings.quote(1)",
            "'a'.charAt('0')", "'a'.split(1)", "'a'.replace('a')", "'a'.lowerAscii('b')"});
}

TEST(Specification, Mathematics) {
  all_true({"math.greatest(1) == 1 && math.greatest(1, 3, 2) == 3 && math.greatest([1, 5, 2]) == 5", "math.least(1, -1) == -1 && math.least([2.5, 1.5]) == 1.5", "math.greatest(1, dyn(2.5), 2u) == dyn(2.5)", "type(math.greatest(1, 1.0)) == int && type(math.greatest(1.0, 1)) == double", "math.least(-1, dyn(18446744073709551615u)) == dyn(-1)",
            "math.ceil(1.2) == 2.0 && math.ceil(-1.2) == -1.0 && math.floor(1.7) == 1.0 && math.floor(-1.2) == -2.0", "math.round(1.5) == 2.0 && math.round(-1.5) == -2.0 && math.round(2.5) == 3.0 && math.isNaN(math.round(0.0 / 0.0))", "math.trunc(-1.9) == -1.0 && math.trunc(1.9) == 1.0", "math.abs(-5) == 5 && math.abs(-1.5) == 1.5 && math.abs(5u) == 5u",
            "math.sign(-5) == -1 && math.sign(0) == 0 && math.sign(5u) == 1u && math.sign(-1.5) == -1.0 && math.isNaN(math.sign(0.0 / 0.0))", "math.isInf(1.0 / 0.0) && !math.isInf(1.0) && math.isFinite(1.0) && !math.isFinite(0.0 / 0.0)", "math.bitAnd(5, 3) == 1 && math.bitOr(5, 3) == 7 && math.bitXor(5, 3) == 6 && math.bitNot(0) == -1 && math.bitNot(0u) == 18446744073709551615u",
            "math.bitAnd(5u, 3u) == 1u && math.bitOr(1u, 2u) == 3u && math.bitXor(1u, 3u) == 2u", "math.bitShiftLeft(1, 3) == 8 && math.bitShiftLeft(1u, 63) == 9223372036854775808u && math.bitShiftLeft(1, 64) == 0", "math.bitShiftRight(-1, 1) == 9223372036854775807 && math.bitShiftRight(8u, 2) == 2u && math.bitShiftRight(-1024, 64) == 0", "math.sqrt(4) == 2.0 && math.sqrt(2.25) == 1.5 && math.isNaN(math.sqrt(-1.0))"});
  all_fail({"math.greatest()", "math.greatest([])", "math.greatest('a')", "math.greatest(1, 'a')", "math.greatest([1, 'a'])", "math.greatest({})", "math.least(dyn('a'))", "math.ceil(1)", "math.abs(-9223372036854775808)", "math.abs('a')", "math.sign(true)", "math.isNaN(1)", "math.bitAnd(1, 2u)", "math.bitNot(1.0)", "math.bitShiftLeft(1, -1)", "math.bitShiftLeft(1u, 2u)", "math.bitOr(1.0, 2.0)",
            "math.round(1)", "math.unknown(1)"});
}

TEST(Specification, Time) {
  const char* at = "timestamp('2009-02-13T23:31:30.123456789Z')";
  const auto has_part = [&](std::string call, int value) { all_true({std::string(at) + "." + call + " == " + std::to_string(value)}); };
  has_part("getFullYear()", 2009), has_part("getMonth()", 1), has_part("getDate()", 13), has_part("getDayOfMonth()", 12), has_part("getDayOfWeek()", 5), has_part("getDayOfYear()", 43);
  has_part("getHours()", 23), has_part("getMinutes()", 31), has_part("getSeconds()", 30), has_part("getMilliseconds()", 123);
  has_part("getDate('+11:00')", 14), has_part("getHours('-02:30')", 21), has_part("getMinutes('-02:30')", 1), has_part("getHours('02:00')", 1), has_part("getMinutes('Asia/Kathmandu')", 16), has_part("getDate('Australia/Sydney')", 14);
  has_part("getHours('Asia/Shanghai')", 7), has_part("getDayOfWeek('Asia/Shanghai')", 6), has_part("getHours('UTC')", 23), has_part("getSeconds('-00:00')", 30), has_part("getFullYear('US/Pacific')", 2009), has_part("getMilliseconds('America/St_Johns')", 123);
  all_true({"timestamp('2009-02-13T23:31:30+01:00') == timestamp('2009-02-13T22:31:30Z')", "string(timestamp('2009-02-13T23:31:30.120Z')) == '2009-02-13T23:31:30.120Z' || string(timestamp('2009-02-13T23:31:30.120Z')) == '2009-02-13T23:31:30.12Z'", "string(timestamp('9999-12-31T23:59:59.999999999Z')) == '9999-12-31T23:59:59.999999999Z'",
            "string(timestamp('0001-01-01T00:00:00Z')) == '0001-01-01T00:00:00Z'", "timestamp(0) == timestamp('1970-01-01T00:00:00Z')", "timestamp(-62135596800) == timestamp('0001-01-01T00:00:00Z')", "timestamp('2024-02-29T00:00:00Z') + duration('24h') == timestamp('2024-03-01T00:00:00Z')", "timestamp(10) - timestamp(3) == duration('7s')",
            "timestamp(10) - duration('3s') == timestamp(7) && duration('3s') + timestamp(7) == timestamp(10)", "duration('1h') - duration('1m') == duration('59m') && duration('1h') + duration('1m') == duration('61m')", "duration('1.5h') == duration('90m') && duration('1h1m1s1ms1us1ns') > duration('3661s')", "duration('-1.5s') == duration('0s') - duration('1500ms')",
            "duration('.5s') == duration('500ms') && duration('+1s') == duration('1s')", "string(duration('1h30m')) == '5400s' && string(duration('-1.25s')) == '-1.25s' && string(duration('1us')) == '0.000001s'", "duration('3730s').getHours() == 1 && duration('3730s').getMinutes() == 62 && duration('3730s').getSeconds() == 3730 && duration('1.234s').getMilliseconds() == 234",
            "duration('-3730s').getHours() == -1 && duration('-3730s').getMinutes() == -62", "timestamp('2024-12-31T23:59:59Z').getDayOfYear() == 365", "timestamp('2023-01-01T00:00:00Z').getDayOfWeek() == 0", "timestamp('1969-12-31T23:59:59.5Z').getMilliseconds() == 500", "timestamp('0001-01-01T00:00:00Z').getFullYear() == 1"});
  all_fail({"timestamp('2009-02-30T00:00:00Z')", "timestamp('2009-13-01T00:00:00Z')", "timestamp('2009-02-13T24:00:00Z')", "timestamp('2009-02-13T23:60:00Z')", "timestamp('2009-02-13 23:31:30')", "timestamp('2009-02-13T23:31:30')", "timestamp(253402300800)", "timestamp(-62135596801)", "timestamp(253402300799) + duration('1s')",
            "timestamp(-62135596800) - duration('1ns')", "timestamp(0).getHours('Nowhere/City')", "timestamp(0).getHours('+25:00')", "timestamp(0).getHours('')", "timestamp(0).getHours('1:00')", "duration('1s').getHours('UTC')", "timestamp(0) + timestamp(0)", "duration('1s') - timestamp(0)", "duration('1s') * 2", "timestamp(0) + 1", "duration('9223372037s') + duration('1s')",
            "duration('1s').getDate()", "-duration('1s')", "'a'.getHours()"});
}

TEST(Specification, WhatMustBeSupportedAtLeast) {
  const auto nested = [](std::string_view open, std::string_view core, std::string_view close, int n) { return repeat(open, n) + std::string(core) + repeat(close, n); };
  all_true({"false" + repeat(" || false", 31) + " || true", "true" + repeat(" && true", 32), nested("(", "true", ")", 32), nested("[", "1", "]", 32) + repeat("[0]", 32) + " == 1", nested("{'a': ", "1", "}", 32) + repeat(".a", 32) + " == 1", nested("int(", "7", ")", 32) + " == 7",
            "1" + repeat(" + 1", 32) + " == 33", "1" + repeat(" * 1", 32) + " == 1", "true" + repeat(" == true", 32), repeat("!", 32) + "true", repeat("-", 32) + "(1) == 1", repeat("true ? true : ", 32) + "false", "math.greatest(1" + repeat(", 1", 31) + ") == 1", "[1" + repeat(", 1", 31) + "].size() == 32",
            "'a'" + repeat(".trim()", 32) + " == 'a'", nested("[1].all(x, ", "true", ")", 20)});
  std::string map = "{'k0': 0";
  for (int i = 1; i < 40; ++i) map += ", 'k" + std::to_string(i) + "': " + std::to_string(i);
  all_true({map + "}.k39 == 39"});
}

TEST(Specification, Bounds) {
  EXPECT_THAT(outcome(repeat("(", 100) + "1" + repeat(")", 100)), ::testing::HasSubstr("nested too deeply"));
  EXPECT_THAT(outcome("1" + repeat(" + 1", 300)), ::testing::HasSubstr("too many operators"));
  EXPECT_THAT(outcome("'" + repeat("a", 20'000) + "'"), ::testing::HasSubstr("too long"));
  EXPECT_THAT(outcome("'a'" + repeat(".replace('a', 'aaaaaaaaaa')", 10) + " == 'a'"), ::testing::HasSubstr("too long"));
  const std::string ten = "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]";
  std::string loops;
  for (int i = 0; i < 9; ++i) loops += ten + ".all(x" + std::to_string(i) + ", ";
  EXPECT_THAT(outcome(loops + "true" + repeat(")", 9)), ::testing::HasSubstr("too many steps"));
  EXPECT_THAT(outcome(ten + repeat(".map(x, " + ten + ")", 1) + ".size() == 10"), "true");
}

TEST(Specification, Workdays) {
  // 2026-12-18 is a Friday.
  all_true({"workdays(date('2026-12-18'), date('2026-12-21')) == 1", "workdays(date('2026-12-18'), date('2026-12-20')) == 0", "workdays(date('2026-12-21'), date('2026-12-18')) == -1", "workdays(date('2026-12-18'), date('2026-12-18')) == 0", "workdays(date('2026-12-18'), date('2027-12-18')) == 260",
            "workdays(date('2026-12-18'), 1) == date('2026-12-21')", "workdays(date('2026-12-20'), 1) == date('2026-12-21')", "workdays(date('2026-12-21'), -1) == date('2026-12-18')", "workdays(date('2026-12-18'), 0) == date('2026-12-18')", "workdays(date('2026-12-20'), 5) == date('2026-12-25')"});
  all_fail({"workdays(date('0001-01-01'), date('9999-12-31'))", "workdays(date('9999-12-31'), 1)", "workdays(date('2026-12-20'), 9223372036854775807)", "workdays(date('2026-12-20'), -9223372036854775808)", "workdays(date('2026-12-20'))", "workdays(timestamp(0), timestamp(0))"});

  struct Holidays : WorkCalendar {
    bool is_workday(Date d) const override { return monday_to_friday().is_workday(d) && d != *parse_date("2026-12-21"); }
  } holidays;
  Activation activation;
  activation.calendar = &holidays;
  const auto c = compile("workdays(date('2026-12-18'), date('2026-12-22')) == 1 && workdays(date('2026-12-18'), 1) == date('2026-12-22')", {});
  ASSERT_TRUE(c.program);
  EXPECT_TRUE(c.program->evaluate(activation).is_true());

  test::World world;
  const auto pushed = compile("workdays(record.depart_on, today()) > 3", world.environment);
  ASSERT_TRUE(pushed.program);
  const auto refused = to_sql(*pushed.program, Dialect::sqlite, "t", Activation{});
  ASSERT_TRUE(refused.refused);
  EXPECT_THAT(refused.refused->message, ::testing::HasSubstr("`workdays` of a field"));
}

}  // namespace
}  // namespace caravan::expr
