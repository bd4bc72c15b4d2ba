#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dreamrunner {

/// `text` made safe to print: control characters (they could move the cursor or change colours) and bytes that are not
/// UTF-8 become `\xNN`. Names out of weight files and plans go through here.
std::string printable(std::string_view text);

/// `printable` on one line: line breaks, with the blanks around them, become "; ".
std::string one_line(std::string_view text);

/// Columns that `text` takes, counting each code point as one.
int text_width(std::string_view text);

/// `text` cut to `width` columns, its end replaced by "…" where something was cut.
std::string fit_width(std::string_view text, int width);

/// "3.2 s", "41 s", "2:05", "1:02:05"; "0 s" for nothing and for what is not a number.
std::string format_duration(double seconds);

/// "512 bytes", "11.1 MB", "23.5 GB", in powers of 1000.
std::string format_bytes(uint64_t bytes);

/// "5,514,624".
std::string format_count(int64_t count);

/// Columns of the terminal behind descriptor `fd`; `otherwise` where there is none or it does not say.
int terminal_columns(int fd, int otherwise);

}  // namespace dreamrunner
