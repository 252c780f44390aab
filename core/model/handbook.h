#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "model/catalog.h"
#include "model/handbook_chart.h"

/// The operating manual of an agency, made of its Catalog: what there is, who may do what, what happens by itself. It never
/// says more than the definitions do, so it is never out of date. Pure; the same Catalog gives the same text.
namespace caravan::model {

/// A piece of text. Nothing in it is markup: whoever renders it escapes it.
struct HandbookSpan {
  enum class Kind : std::uint8_t {
    text,
    strong,
    code,      ///< as it stands in the definitions: an expression, a name
    place,     ///< of a template: what stands there is filled in
    category,  ///< a category of states; `to` is its word
    link       ///< `to` is the id of a section that is there
  };
  Kind kind = Kind::text;
  std::string text;
  std::string to;
  std::string language;  ///< where the text is not in the handbook's language, the one that it is in
};
const char* to_string(HandbookSpan::Kind kind);

using HandbookLine = std::vector<HandbookSpan>;
/// Lines below each other; none: nothing to be said.
using HandbookCell = std::vector<HandbookLine>;

struct HandbookTable {
  std::string caption;
  std::vector<std::string> head;
  std::vector<std::vector<HandbookCell>> rows;  ///< each as long as the head
};

struct HandbookBlock {
  enum class Kind : std::uint8_t { paragraph, list, table, chart } kind = Kind::paragraph;
  std::vector<HandbookLine> lines;  ///< of paragraph (below each other) and list; of chart: what it shows, in words
  HandbookTable table;
  FlowChart chart;
};
const char* to_string(HandbookBlock::Kind kind);

struct HandbookSection {
  std::string id;          ///< unique in the handbook: letters, digits, `_`, `-`, `.`
  HandbookLine title;
  std::string name;        ///< of what it is about, as definitions name it; may be empty
  std::vector<HandbookBlock> blocks;
  std::vector<HandbookSection> sections;
};

struct Handbook {
  std::string locale, title, hash;
  std::string contents;    ///< heading of the table of contents
  std::string in_words;    ///< heading of what a chart shows in words
  std::vector<HandbookSection> sections;
};

/// What the reader may see. Where a function is empty, everything.
struct HandbookScope {
  bool everything = true;  ///< also what belongs to no entity: addresses of webhooks, schedules without records, settings, every post
  std::function<bool(const Entity&)> entity;                      ///< whether he may read records of it
  std::function<FieldRight(const Entity&, const Field&)> right;   ///< on a field of an entity that he may read
  std::function<bool(const Page&)> page;
  std::function<bool(const Role&)> holds;                         ///< whether the post is his own
};

/// The languages that the handbook is written in: zh-CN, zh-TW, en. `locale` must be one of them.
bool has_handbook_language(std::string_view locale);
Handbook make_handbook(const Catalog& catalog, std::string_view locale, const HandbookScope& scope = {});

/// CommonMark with tables; flow charts in Mermaid. Ends with a line break.
std::string handbook_markdown(const Handbook& handbook);
/// One page of HTML that needs nothing else, for the screen and for A4: no script, every text escaped.
std::string handbook_html(const Handbook& handbook);

}  // namespace caravan::model
