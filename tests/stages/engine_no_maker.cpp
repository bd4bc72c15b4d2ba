// A library that is not an engine.
extern "C" int something_else() { return 1; }
