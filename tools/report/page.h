// The page of `bbz report`, without its data. A page is page_before_data(), the data as JSON in UTF-8, in which every '<' is
// written as \u003c, and page_after_data(). tools/report/CMakeLists.txt makes both from the files of this directory, if d3 is
// installed; a program that links bbz_report_page is compiled with BBZ_HAVE_REPORT_PAGE.
#pragma once

#include <string_view>

namespace bbz::tools {

// Returns the HTML up to the data: the head, the style, and the place where the report is drawn. It lives as long as the program.
std::string_view page_before_data();

// Returns the HTML from the end of the data: d3 and the scripts that draw the report. It lives as long as the program.
std::string_view page_after_data();

}  // namespace bbz::tools
