#include "maskloom/cli/Cli.h"

int main(int argc, char **argv) { return maskloom::cliMain(argc, argv); }
