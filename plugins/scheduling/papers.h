#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The papers of a departure, made of its one traveller list. Texts only; nothing here asks the server.
namespace scheduling {

struct Traveller {
  std::string name, pinyin, gender, born_on, kind, document, phone, needs, room, order;
  bool single_room = false;
};

struct Service {
  std::string kind, name, supplier, from, to, reference, state, carries;
  std::int64_t quantity = 1;
};

struct Vehicle {
  std::string plate, driver, phone, from, to, note;
};

struct Group {
  std::string number, product, depart_on, return_on, time, meeting_point, notes;
  std::vector<Traveller> travellers;
  std::vector<Service> services;
  std::vector<Vehicle> vehicles;
};

/// Rooms of the list: travellers with the same word in `room` share one; who has a single room, or no word,
/// has one of his own. Infants and children without a bed join the room of their order's first traveller.
struct Room {
  std::vector<const Traveller*> beds, without_bed;
  bool single = false;  ///< one bed taken by wish: the single supplement is due
};
std::vector<Room> rooms_of(const std::vector<Traveller>& travellers);

/// The paper's text in Markdown. `kind`: notice, rooming, suppliers, dispatch or insurance; "" for another.
std::string paper(const Group& group, std::string_view kind);

/// The last four characters of a document's number, the others as `*`.
std::string masked(std::string_view number);

}  // namespace scheduling
