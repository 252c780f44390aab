#include "papers.h"

#include <gtest/gtest.h>

namespace scheduling {
namespace {

Traveller person(const char* name, const char* order, const char* room = "", const char* kind = "adult",
                 bool single = false) {
  Traveller out;
  out.name = name;
  out.order = order;
  out.room = room;
  out.kind = kind;
  out.single_room = single;
  return out;
}

TEST(Papers, WhoSharesARoom) {
  const std::vector<Traveller> list{person("王芳", "1", "A"),
                                    person("李伟", "1", "A"),
                                    person("王小明", "1", "", "child_no_bed"),
                                    person("陈静", "2", "", "adult", true),
                                    person("赵磊", "3", "B"),
                                    person("婴儿", "3", "", "infant"),
                                    person("钱进", "4", "B"),
                                    person("孙立", "5")};
  const auto rooms = rooms_of(list);
  ASSERT_EQ(rooms.size(), 4u);
  EXPECT_EQ(rooms[0].beds.size(), 2u);
  ASSERT_EQ(rooms[0].without_bed.size(), 1u);
  EXPECT_EQ(rooms[0].without_bed[0]->name, "王小明");
  EXPECT_TRUE(rooms[1].single);
  EXPECT_EQ(rooms[2].beds.size(), 2u) << "赵磊 and 钱进 asked for the same room";
  EXPECT_EQ(rooms[2].without_bed.size(), 1u);
  EXPECT_EQ(rooms[3].beds[0]->name, "孙立");
  EXPECT_FALSE(rooms[3].single) << "alone, but not by wish";
  EXPECT_TRUE(rooms_of({}).empty());
}

TEST(Papers, AChildWithoutAdultsHasARoom) {
  const auto one = person("王小明", "1", "", "child_no_bed");
  const auto rooms = rooms_of({one});
  ASSERT_EQ(rooms.size(), 1u);
  EXPECT_TRUE(rooms[0].beds.empty());
}

Group group() {
  Group out;
  out.number = "T2027-00001";
  out.product = "云南六日";
  out.depart_on = "2027-03-12";
  out.return_on = "2027-03-17";
  out.time = "07:30";
  out.meeting_point = "虹桥机场 T2";
  out.travellers = {person("王芳", "1"), person("李|伟", "1")};
  out.travellers[0].document = masked("310101199001011234");
  out.travellers[1].needs = "轮椅\n素食";
  out.services = {
      {"hotel", "丽江酒店", "云上酒店", "2027-03-12", "2027-03-14", "OK1", "confirmed", "names", 2},
      {"meal", "午餐", "老店", "2027-03-12", "", "", "declined", "headcount", 2},
      {"coach", "用车", "车队", "2027-03-12", "2027-03-17", "", "requested", "headcount", 1}};
  return out;
}

TEST(Papers, TheNoticeTellsOnlyWhatIsConfirmed) {
  const std::string text = paper(group(), "notice");
  EXPECT_NE(text.find("07:30"), std::string::npos);
  EXPECT_NE(text.find("丽江酒店"), std::string::npos);
  EXPECT_EQ(text.find("午餐"), std::string::npos);
  EXPECT_EQ(text.find("用车"), std::string::npos);
  EXPECT_NE(text.find("李\\|伟"), std::string::npos) << "a name does not break the table";
  EXPECT_NE(text.find("轮椅 素食"), std::string::npos);
}

TEST(Papers, NamesGoOnlyWhereTheyAreWanted) {
  Group one = group();
  EXPECT_NE(paper(one, "suppliers").find("王芳"), std::string::npos);
  EXPECT_NE(paper(one, "suppliers").find("**************1234"), std::string::npos);
  EXPECT_EQ(paper(one, "suppliers").find("310101"), std::string::npos);
  one.services[0].carries = "headcount";
  EXPECT_EQ(paper(one, "suppliers").find("王芳"), std::string::npos);
  EXPECT_EQ(paper(one, "suppliers").find("午餐"), std::string::npos) << "declined";
  EXPECT_TRUE(paper(one, "poem").empty());
}

TEST(Papers, MaskedNumbers) {
  EXPECT_EQ(masked(""), "");
  EXPECT_EQ(masked("123"), "***");
  EXPECT_EQ(masked("12345"), "*2345");
}

}  // namespace
}  // namespace scheduling
