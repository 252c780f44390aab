#include "papers.h"

#include <algorithm>

namespace scheduling {
namespace {

bool has_bed(const Traveller& traveller) {
  return traveller.kind != "infant" && traveller.kind != "child_no_bed";
}

/// One cell of a table: no line may break it.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|')
      out += "\\|";
    else
      out += c == '\n' || c == '\r' ? ' ' : c;
  }
  return out;
}

std::string row(std::initializer_list<std::string_view> cells) {
  std::string out = "|";
  for (const std::string_view one : cells) out += " " + cell(one) + " |";
  return out + "\n";
}

std::string table(std::initializer_list<std::string_view> heads) {
  std::string out = row(heads) + "|";
  for (std::size_t i = 0; i < heads.size(); ++i) out += " --- |";
  return out + "\n";
}

std::string head(const Group& group, std::string_view title) {
  return "# " + std::string(title) + " " + group.number + "\n\n" + cell(group.product) + "，" +
         group.depart_on + " — " + group.return_on + "，共 " + std::to_string(group.travellers.size()) +
         " 人\n\n";
}

const char* kind_text(const std::string& kind) {
  if (kind == "child_bed") return "儿童占床";
  if (kind == "child_no_bed") return "儿童不占床";
  if (kind == "infant") return "婴儿";
  if (kind == "senior") return "长者";
  return "成人";
}

std::string notice(const Group& group) {
  std::string out = head(group, "出团通知书");
  out += "- 集合时间：" + group.depart_on + " " + group.time + "\n- 集合地点：" + group.meeting_point + "\n";
  if (!group.notes.empty()) out += "- 注意事项：" + group.notes + "\n";
  out += "\n" + table({"项目", "日期", "供应商"});
  for (const Service& one : group.services) {
    if (one.state == "confirmed" || one.state == "used") out += row({one.name, one.from, one.supplier});
  }
  out += "\n" + table({"姓名", "类型", "特殊需求"});
  for (const Traveller& one : group.travellers) out += row({one.name, kind_text(one.kind), one.needs});
  return out;
}

std::string rooming(const Group& group) {
  std::string out = head(group, "分房表") + table({"房间", "入住人", "不占床", "单房差"});
  std::size_t number = 0, singles = 0;
  for (const Room& room : rooms_of(group.travellers)) {
    std::string beds, others;
    for (const Traveller* one : room.beds) beds += (beds.empty() ? "" : "、") + one->name;
    for (const Traveller* one : room.without_bed) others += (others.empty() ? "" : "、") + one->name;
    singles += room.single ? 1 : 0;
    out += row({std::to_string(++number), beds, others, room.single ? "是" : ""});
  }
  return out + "\n共 " + std::to_string(number) + " 间，单房差 " + std::to_string(singles) + " 份\n";
}

std::string suppliers(const Group& group) {
  std::string out = head(group, "供应商名单") + table({"供应商", "项目", "日期", "数量", "确认号"});
  bool names = false;
  for (const Service& one : group.services) {
    if (one.state == "declined" || one.state == "cancelled") continue;
    const std::string days = one.to.empty() || one.to == one.from ? one.from : one.from + " — " + one.to;
    out += row({one.supplier, one.name, days, std::to_string(one.quantity), one.reference});
    names = names || one.carries == "names";
  }
  if (!names) return out;
  out += "\n" + table({"姓名", "拼音", "性别", "出生日期", "证件"});
  for (const Traveller& one : group.travellers)
    out += row({one.name, one.pinyin, one.gender, one.born_on, one.document});
  return out;
}

std::string dispatch(const Group& group) {
  std::string out = head(group, "派车单") + "- 集合：" + group.depart_on + " " + group.time + "，" +
                    group.meeting_point + "\n\n" + table({"车牌", "司机", "电话", "日期", "行车安排"});
  for (const Vehicle& one : group.vehicles)
    out += row({one.plate, one.driver, one.phone, one.from + " — " + one.to, one.note});
  out += "\n" + table({"姓名", "电话", "特殊需求"});
  for (const Traveller& one : group.travellers) out += row({one.name, one.phone, one.needs});
  return out;
}

std::string insurance(const Group& group) {
  std::string out = head(group, "保险名单") + table({"姓名", "拼音", "性别", "出生日期", "证件"});
  for (const Traveller& one : group.travellers)
    out += row({one.name, one.pinyin, one.gender, one.born_on, one.document});
  return out;
}

}  // namespace

std::vector<Room> rooms_of(const std::vector<Traveller>& travellers) {
  std::vector<Room> rooms;
  std::map<std::string, std::size_t> shared, of_order;
  for (const Traveller& one : travellers) {
    if (!has_bed(one)) continue;
    std::size_t at = rooms.size();
    if (!one.single_room && !one.room.empty()) {
      const auto [found, first] = shared.try_emplace(one.room, at);
      at = found->second;
    }
    if (at == rooms.size()) rooms.emplace_back();
    rooms[at].beds.push_back(&one);
    rooms[at].single = one.single_room;
    of_order.try_emplace(one.order, at);
  }
  for (const Traveller& one : travellers) {
    if (has_bed(one)) continue;
    const auto named = one.room.empty() ? shared.end() : shared.find(one.room);
    const auto found = of_order.find(one.order);
    std::size_t at = named != shared.end()     ? named->second
                     : found != of_order.end() ? found->second
                                               : rooms.size();
    if (at == rooms.size()) {
      rooms.emplace_back();
      of_order.emplace(one.order, at);
    }
    rooms[at].without_bed.push_back(&one);
  }
  return rooms;
}

std::string paper(const Group& group, std::string_view kind) {
  if (kind == "notice") return notice(group);
  if (kind == "rooming") return rooming(group);
  if (kind == "suppliers") return suppliers(group);
  if (kind == "dispatch") return dispatch(group);
  if (kind == "insurance") return insurance(group);
  return {};
}

std::string masked(std::string_view number) {
  if (number.size() <= 4) return std::string(number.size(), '*');
  return std::string(number.size() - 4, '*') + std::string(number.substr(number.size() - 4));
}

}  // namespace scheduling
