#include "catalogue/csv_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/error_of.h"

namespace dreamrunner {
namespace {

using Row = std::vector<std::string>;
using testing::ElementsAre;

/// All rows; a refused one as "LINE: reason".
std::vector<Row> rows_of(std::string_view text, char separator = ',', size_t most = 1000) {
  CsvReader reader(text, separator, most);
  std::vector<Row> rows;
  Row row;
  while (true) {
    bool more = false;
    const auto error = test::error_of([&] { more = reader.next(row); });
    if (error) {
      EXPECT_EQ(error->kind(), ErrorKind::input_file);
      rows.push_back({std::to_string(reader.line()) + ": " + error->what()});
      continue;
    }
    if (!more) return rows;
    rows.push_back(row);
  }
}

/// Field case R5.
TEST(CsvReader, QuotedValuesAreExact) {
  EXPECT_THAT(rows_of("a,\"one, two\",c\n"), ElementsAre(Row{"a", "one, two", "c"}));
  EXPECT_THAT(rows_of("a,\"line\nbreak\"\r\nb,\"line\r\nbreak\"\r\n"), ElementsAre(Row{"a", "line\nbreak"}, Row{"b", "line\r\nbreak"}));
  EXPECT_THAT(rows_of("\"say \"\"hi\"\"\",\"\"\"text\"\"\",\"\"\n"), ElementsAre(Row{"say \"hi\"", "\"text\"", ""}));
  EXPECT_THAT(rows_of("a,b,\n,,\n"), ElementsAre(Row{"a", "b", ""}, Row{"", "", ""}));
  EXPECT_THAT(rows_of("a,b\nc,d"), ElementsAre(Row{"a", "b"}, Row{"c", "d"})) << "no line break behind the last row";
  EXPECT_THAT(rows_of("a,\"b\""), ElementsAre(Row{"a", "b"}));
  EXPECT_THAT(rows_of("a;\"b;c\"", ';'), ElementsAre(Row{"a", "b;c"}));
  EXPECT_THAT(rows_of("\xEF\xBB\xBFid,name\n"), ElementsAre(Row{"id", "name"}));
  EXPECT_THAT(rows_of("\n\r\na\n\n"), ElementsAre(Row{"a"}));
  EXPECT_THAT(rows_of(""), ElementsAre());
  EXPECT_THAT(rows_of("a 5\" pipe,b\n"), ElementsAre(Row{"a 5\" pipe", "b"}));
}

TEST(CsvReader, ABadRowIsNamedByItsLineAndCostsNoOther) {
  EXPECT_THAT(rows_of("a,\"x\ny\"\nb,\"open\nc,d\ne,\"f\" g\nh,i\n"),
              ElementsAre(Row{"a", "x\ny"}, Row{"3: value 2: text behind its closing quote"}, Row{"c", "d"}, Row{"5: value 2: text behind its closing quote"}, Row{"h", "i"}));
  EXPECT_THAT(rows_of("a,\"open\nb,c\n"), ElementsAre(Row{"1: value 2: a quote is opened and not closed"}, Row{"b", "c"}));
  EXPECT_THAT(rows_of("a," + std::string(50, 'x') + "\nb,c\n", ',', 20), ElementsAre(Row{"1: value 2: longer than 20 bytes"}, Row{"b", "c"}));
  EXPECT_THAT(rows_of("a,\"" + std::string(50, 'x') + "\"\nb,c\n", ',', 20), ElementsAre(testing::Contains(testing::HasSubstr("is a quote not closed?")), Row{"b", "c"}));
}

TEST(CsvReader, TheSeparatorIsTheOneOfTheFirstRow) {
  EXPECT_EQ(CsvReader::guess_separator("id,name\n;;;"), ',');
  EXPECT_EQ(CsvReader::guess_separator("id;name,with;comma\n"), ';');
  EXPECT_EQ(CsvReader::guess_separator("id\tname\n"), '\t');
  EXPECT_EQ(CsvReader::guess_separator("\"a;b;c\",name"), ',');
  EXPECT_EQ(CsvReader::guess_separator("caption"), ',');
}

}  // namespace
}  // namespace dreamrunner
