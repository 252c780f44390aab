#include "app/commands.h"

int main(int argc, char** argv) { return caravan::app::run_command_line(argc, argv); }
