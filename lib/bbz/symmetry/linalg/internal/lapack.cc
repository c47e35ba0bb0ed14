#include "bbz/symmetry/linalg/internal/lapack.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <mutex>
#include <thread>
#include <vector>

#include "bbz/base/late_library.h"
#include "bbz/symmetry/linalg/internal/spare_threads.h"

namespace bbz::linalg::lapack {

namespace {

// Values of CBLAS's enumerations.
constexpr int kRowMajor = 101;
constexpr int kPlain = 111;
constexpr int kTransposed = 112;
constexpr int kLower = 122;
constexpr int kNoUnits = 131;
constexpr int kRight = 142;

// The functions of CBLAS, and those of LAPACK with Fortran's conventions: arguments are pointers,
// and the lengths of strings come last.
struct Functions {
  void (*set_threads)(int);
  int (*threads)();
  int (*kind_of_threads)();
  void (*dgemm)(int order, int op_a, int op_b, int m, int n, int k, double scale, const double* a,
                int lda, const double* b, int ldb, double keep, double* c, int ldc);
  void (*sgemm)(int order, int op_a, int op_b, int m, int n, int k, float scale, const float* a,
                int lda, const float* b, int ldb, float keep, float* c, int ldc);
  void (*dsyrk)(int order, int half, int op, int n, int k, double scale, const double* a, int lda,
                double keep, double* c, int ldc);
  void (*dtrsm)(int order, int side, int half, int op, int units, int m, int n, double scale,
                const double* a, int lda, double* b, int ldb);
  void (*strsm)(int order, int side, int half, int op, int units, int m, int n, float scale,
                const float* a, int lda, float* b, int ldb);
  void (*dpotrf)(const char* uplo, const int* n, double* a, const int* lda, int* info, std::size_t);
  void (*spotrf)(const char* uplo, const int* n, float* a, const int* lda, int* info, std::size_t);
  void (*dtrtri)(const char* uplo, const char* diag, const int* n, double* a, const int* lda,
                 int* info, std::size_t, std::size_t);
  void (*dgeqrf)(const int* m, const int* n, double* a, const int* lda, double* tau, double* work,
                 const int* lwork, int* info);
  void (*dorgqr)(const int* m, const int* n, const int* k, double* a, const int* lda,
                 const double* tau, double* work, const int* lwork, int* info);
  void (*dsyevd)(const char* jobz, const char* uplo, const int* n, double* a, const int* lda,
                 double* w, double* work, const int* lwork, int* iwork, const int* liwork,
                 int* info, std::size_t, std::size_t);
  void (*dgesdd)(const char* jobz, const int* m, const int* n, double* a, const int* lda, double* s,
                 double* u, const int* ldu, double* vt, const int* ldvt, double* work,
                 const int* lwork, int* iwork, int* info, std::size_t);
  void (*dgetrf)(const int* m, const int* n, double* a, const int* lda, int* pivots, int* info);
  void (*dgetri)(const int* n, double* a, const int* lda, const int* pivots, double* work,
                 const int* lwork, int* info);
};

// The result of openblas_get_parallel() for a build with its own threads. Those of OpenMP are
// started when they are first needed.
constexpr int kOwnThreads = 1;

// OpenBLAS ends the process by SIGINT, or waits for ever, if it cannot start a thread. It gets
// threads only if the system can give this many more, since other processes may take some at the
// same time.
constexpr int kMargin = 32;

int processors() {
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

// The library, once it is loaded, and its threads.
class OpenBlas {
 public:
  static OpenBlas& the() {
    static OpenBlas once;
    return once;
  }

  bool ok() const { return ok_; }
  const Functions& functions() const { return functions_; }

  void set_threads(int wanted) {
    const std::lock_guard lock(mutex_);
    if (wanted > started_) wanted = start(wanted);
    threads_ = wanted;
    if (held_ == 0) functions_.set_threads(threads_);
  }

  int threads() {
    const std::lock_guard lock(mutex_);
    return threads_;
  }

  // Counts those who want a single thread.
  void hold(int change) {
    const std::lock_guard lock(mutex_);
    held_ += change;
    functions_.set_threads(held_ == 0 ? threads_ : 1);
  }

 private:
  OpenBlas() {
    // Loads it on one processor, because it starts a thread for each processor when it is loaded.
    const OneProcessor alone;
    if (!alone.ok() && spare_threads(processors() + kMargin) < processors() + kMargin) return;
    Functions& f = functions_;
    LateLibrary library("libopenblas.so.0");
    library.bind(f.set_threads, "openblas_set_num_threads");
    library.bind(f.threads, "openblas_get_num_threads");
    library.bind(f.kind_of_threads, "openblas_get_parallel");
    library.bind(f.dgemm, "cblas_dgemm");
    library.bind(f.sgemm, "cblas_sgemm");
    library.bind(f.dsyrk, "cblas_dsyrk");
    library.bind(f.dtrsm, "cblas_dtrsm");
    library.bind(f.strsm, "cblas_strsm");
    library.bind(f.dpotrf, "dpotrf_");
    library.bind(f.spotrf, "spotrf_");
    library.bind(f.dtrtri, "dtrtri_");
    library.bind(f.dgeqrf, "dgeqrf_");
    library.bind(f.dorgqr, "dorgqr_");
    library.bind(f.dsyevd, "dsyevd_");
    library.bind(f.dgesdd, "dgesdd_");
    library.bind(f.dgetrf, "dgetrf_");
    library.bind(f.dgetri, "dgetri_");
    ok_ = library.status().ok();
    if (ok_) threads_ = started_ = f.threads();
  }

  // Starts the missing ones of `wanted` threads, and returns the number that may be used.
  int start(int wanted) {
    if (crippled_) return 1;
    const int missing = wanted - started_;
    const int spare = spare_threads(missing + kMargin) - kMargin;
    if (spare < missing) wanted = started_ + std::max(spare, 0);
    if (wanted <= started_) return wanted;
    const int before = process_threads();
    functions_.set_threads(wanted);
    const int after = process_threads();
    // OpenBLAS would wait for a thread that it could not start.
    crippled_ = functions_.kind_of_threads() == kOwnThreads && before != 0 &&
                after < before + wanted - started_;
    if (crippled_) return 1;
    started_ = functions_.threads();
    return wanted;
  }

  Functions functions_{};
  bool ok_ = false;
  std::mutex mutex_;
  int started_ = 1;        // including the calling thread
  int threads_ = 1;        // to use, unless somebody holds them
  int held_ = 0;           // number of OneThread
  bool crippled_ = false;  // whether fewer were started than it believes
};

const Functions& functions() {
  return OpenBlas::the().functions();
}

// Holds the last argument of set_threads(), or 0 before the first call.
std::atomic<int>& wanted_threads() {
  static std::atomic<int> wanted = 0;
  return wanted;
}

// Holds whether it is loaded. If so, set_threads() takes effect at once.
std::atomic<bool>& in_use() {
  static std::atomic<bool> used = false;
  return used;
}

// Returns the number of threads to use. There are no more than processors: those that wait for one
// another are busy, so that any more would take most of the time for that.
int usable(int wanted) {
  return wanted == 0 ? processors() : std::min(wanted, processors());
}

int op(bool transposed) {
  return transposed ? kTransposed : kPlain;
}

// Calls a routine twice: with a size of -1 it returns the size of the work space that it wants, and
// then it gets that work space.
template <class Call>
int with_work(const Call& call) {
  double wanted = 0;
  int info = 0;
  call(&wanted, -1, &info);
  if (info != 0) return info;
  std::vector<double> work(static_cast<std::size_t>(std::max(wanted, 1.0)));
  call(work.data(), static_cast<int>(work.size()), &info);
  return info;
}

}  // namespace

bool available() {
#ifdef BBZ_LINALG_LAPACK
  static const bool once = [] {
    if (!OpenBlas::the().ok()) return false;
    in_use() = true;
    OpenBlas::the().set_threads(usable(wanted_threads()));
    return true;
  }();
  return once;
#else
  return false;
#endif
}

void set_threads(int threads) {
  wanted_threads() = threads;
  if (in_use()) OpenBlas::the().set_threads(usable(threads));
}

int threads() {
  return OpenBlas::the().threads();
}

OneThread::OneThread() {
  OpenBlas::the().hold(1);
}

OneThread::~OneThread() {
  OpenBlas::the().hold(-1);
}

void gemm(const Operand<double>& a, const Operand<double>& b, const Product<double>& p) {
  functions().dgemm(kRowMajor, op(a.transposed), op(b.transposed), p.rows, p.cols, p.inner, p.scale,
                    a.data, a.stride, b.data, b.stride, p.keep, p.c, p.stride);
}

void gemm(const Operand<float>& a, const Operand<float>& b, const Product<float>& p) {
  functions().sgemm(kRowMajor, op(a.transposed), op(b.transposed), p.rows, p.cols, p.inner, p.scale,
                    a.data, a.stride, b.data, b.stride, p.keep, p.c, p.stride);
}

void syrk_lower(const Operand<double>& a, int n, int inner, double scale, double keep, double* c) {
  functions().dsyrk(kRowMajor, kLower, op(a.transposed), n, inner, scale, a.data, a.stride, keep, c,
                    n);
}

// LAPACK reads the memory as the transpose, whose upper triangle this is.
int potrf_lower(int n, double* a) {
  int info = 0;
  functions().dpotrf("U", &n, a, &n, &info, 1);
  return info;
}

int potrf_lower(int n, float* a) {
  int info = 0;
  functions().spotrf("U", &n, a, &n, &info, 1);
  return info;
}

int trtri_lower(int n, double* a) {
  int info = 0;
  functions().dtrtri("U", "N", &n, a, &n, &info, 1, 1);
  return info;
}

void solve_right(int rows, int n, const double* lower, double* x) {
  for (const int half : {kTransposed, kPlain}) {
    functions().dtrsm(kRowMajor, kRight, kLower, half, kNoUnits, rows, n, 1.0, lower, n, x, n);
  }
}

void solve_right(int rows, int n, const float* lower, float* x) {
  for (const int half : {kTransposed, kPlain}) {
    functions().strsm(kRowMajor, kRight, kLower, half, kNoUnits, rows, n, 1.0F, lower, n, x, n);
  }
}

int geqrf(int m, int n, double* a, double* tau) {
  return with_work([&](double* work, int size, int* info) {
    functions().dgeqrf(&m, &n, a, &m, tau, work, &size, info);
  });
}

int orgqr(int m, int n, int k, double* a, const double* tau) {
  return with_work([&](double* work, int size, int* info) {
    functions().dorgqr(&m, &n, &k, a, &m, tau, work, &size, info);
  });
}

int syevd(int n, double* a, double* w) {
  std::vector<int> iwork(static_cast<std::size_t>(3 + 5 * n));  // documented size for vectors
  const int isize = static_cast<int>(iwork.size());
  return with_work([&](double* work, int size, int* info) {
    functions().dsyevd("V", "L", &n, a, &n, w, work, &size, iwork.data(), &isize, info, 1, 1);
  });
}

int gesdd(int m, int n, double* a, double* s, double* u, double* vt) {
  const int k = std::min(m, n);
  std::vector<int> iwork(static_cast<std::size_t>(8 * k));  // documented size
  return with_work([&](double* work, int size, int* info) {
    functions().dgesdd("S", &m, &n, a, &m, s, u, &m, vt, &k, work, &size, iwork.data(), info, 1);
  });
}

int getrf(int m, int n, double* a, int* pivots) {
  int info = 0;
  functions().dgetrf(&m, &n, a, &m, pivots, &info);
  return info;
}

int getri(int n, double* a, const int* pivots) {
  return with_work([&](double* work, int size, int* info) {
    functions().dgetri(&n, a, &n, pivots, work, &size, info);
  });
}

}  // namespace bbz::linalg::lapack
