#include "workflow/notices.h"

namespace caravan::workflow {

std::string shortened(std::string text, std::size_t characters) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) continue;
    if (++count > characters) {
      text.resize(i);
      break;
    }
  }
  return text;
}

void give_notice(records::Work& work, std::int64_t user, std::string text, std::string_view entity, std::int64_t id, bool urgent) {
  if (text.empty()) return;
  const model::Entity& notices = *work.context().catalog->entity("core.notice");
  const model::Field& shown = *notices.field("text");
  records::Input input{{notices.field("user"), expr::Value(user)},
                       {&shown, expr::Value(shortened(std::move(text), shown.max_length))},
                       {notices.field("urgent"), expr::Value(urgent)}};
  if (!entity.empty()) {
    input.emplace_back(notices.field("about_entity"), expr::Value(entity));
    input.emplace_back(notices.field("about_id"), expr::Value(std::to_string(id)));
  }
  work.create(notices, std::move(input), records::Authority::definition);
}

}  // namespace caravan::workflow
