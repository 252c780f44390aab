#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/catalog.h"

/// Parts of the Catalog: pages of blocks, and settings.
namespace caravan::model {

/// One block of a page.
struct Block {
  enum class Kind : std::uint8_t { view, form, chart, markdown, work, button };
  std::string name;
  Kind kind = Kind::markdown;
  Text label;
  int width = 24;                    ///< of 24 columns
  const View* view = nullptr;        ///< of view: list, board, calendar or timeline; of work: a list
  const Form* form = nullptr;        ///< of form and button: makes a record
  Text text;                         ///< of markdown
  // Of chart: groups of an entity's records.
  enum class Chart : std::uint8_t { bar, line, pie, number };
  Chart chart = Chart::bar;
  const Entity* entity = nullptr;
  std::string group;                 ///< as the aggregate route takes it: a field, or `field:month`; empty: one number
  std::string measure;               ///< as the aggregate route takes it: `count`, `sum:amount`
  std::string filter;                ///< CEL over `record` and `user`, checked; may be empty
  std::shared_ptr<const expr::Program> condition;  ///< the same, compiled; may be null
  Origin origin;
};
const char* to_string(Block::Kind kind);
const char* to_string(Block::Chart chart);

/// A page of the console.
struct Page {
  std::string name;                  ///< `sales.today`
  Text label;
  std::string icon;
  bool menu = true;                  ///< shown in the navigation, in its module
  std::vector<std::string> roles;    ///< who sees it; empty: everybody. What a block shows is under the viewer's own rights
  std::vector<Block> blocks;
  Origin origin;
};

/// One value that an administrator sets. Rules read it as `settings.MODULE.NAME`.
struct Setting {
  Field field;                       ///< name, label, help, type (text int bool decimal date choice), bounds, choices
  expr::Value value;                 ///< as set by the layers, else the default; may be null
  expr::Value default_value;         ///< may be null
  Origin origin;                     ///< of the value
};

/// The settings of one module.
struct SettingsGroup {
  std::string module;
  Text label;
  std::vector<Setting> settings;
  Origin origin;
};

}  // namespace caravan::model
