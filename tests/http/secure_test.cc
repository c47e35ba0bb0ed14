// HTTPS, from nginx with certificates that the tests make.
#include "http/fixture.h"
#include "http/nginx.h"

namespace bbz::http {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::size_t kSecureSize = 100'000;

class HttpsSource : public testing::Test {
 protected:
  void SetUp() override {
    if (!Nginx::is_there()) GTEST_SKIP() << "nginx is not installed";
    io::write_text(dir_ / "model.bbz", content_of(kSecureSize));
    serve("127.0.0.1");
  }

  // With a certificate for `name`.
  void serve(const std::string& name) {
    Nginx::make_certificate(certificate_, name);
    nginx_.emplace(dir_.path(), certificate_);
  }

  // The whole file, if the server is trusted as `certificate` says.
  Result<std::string> read_from(const std::string& path, const std::string& certificate) {
    Options options = quick();
    options.ca_file = certificate;
    BBZ_ASSIGN(const auto source, open(nginx_->secure_url(path), options));
    return read(*source, 0, kSecureSize);
  }

  // The read must fail without a request that the server answers, and without being tried again.
  void expect_no_connection(const std::string& certificate, const std::string& words) {
    const auto refused = read_from("model.bbz", certificate);
    EXPECT_EQ(refused.code(), Code::kIo);
    EXPECT_THAT(message_of(refused), HasSubstr(nginx_->secure_url("model.bbz")));
    EXPECT_THAT(message_of(refused), HasSubstr(words));
    EXPECT_THAT(message_of(refused), Not(HasSubstr("given up")));
    EXPECT_EQ(nginx_->take_log().size(), 0u);
  }

  io::TempDir dir_;
  const std::string certificate_ = dir_ / "certificate";
  std::optional<Nginx> nginx_;
};

TEST_F(HttpsSource, ReadsFromAServerThatIsVouchedFor) {
  EXPECT_EQ(read_from("model.bbz", certificate_).value(), content_of(kSecureSize));
}

TEST_F(HttpsSource, RefusesACertificateThatNobodyVouchesFor) {
  expect_no_connection("", "certificate is not trusted: SSL certificate problem: self-signed");
  Nginx::make_certificate(dir_ / "other", "127.0.0.1");
  expect_no_connection(dir_ / "other", "certificate is not trusted");
}

TEST_F(HttpsSource, RefusesTheCertificateOfAnotherHost) {
  serve("host.example");
  expect_no_connection(certificate_, "127.0.0.1");
  serve("127.0.0.2");
  expect_no_connection(certificate_, "127.0.0.1");
}

TEST_F(HttpsSource, NamesAFileOfCertificatesThatCannotBeRead) {
  expect_no_connection(dir_ / "missing", dir_ / "missing");
}

TEST_F(HttpsSource, IsNotLedAwayFromTls) {
  const auto refused = read_from("plain/model.bbz", certificate_);
  EXPECT_EQ(refused.code(), Code::kIo);
  EXPECT_THAT(message_of(refused), HasSubstr("refused the redirect from https"));
  EXPECT_EQ(nginx_->take_log().size(), 1u);  // the redirect
}

}  // namespace
}  // namespace bbz::http
