#include "bbz/compare/orbit.h"

#include <fmt/format.h>
#include <algorithm>
#include <cmath>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/symmetry/linalg/convert.h"
#include "bbz/symmetry/linalg/factor.h"
#include "bbz/symmetry/linalg/product.h"

namespace bbz::compare {
namespace {

using junction::Junction;
using junction::Member;
using junction::Role;
using linalg::Index;
using linalg::Matrix;
using linalg::Op;

Result<Matrix> load(const Side& side, std::size_t tensor) {
  const TensorInfo& info = side.tensors[tensor];
  BBZ_ASSIGN(const std::vector<std::byte> bytes, side.load(tensor));
  BBZ_TRY(gauge::check_finite(info, bytes));
  const Index cols = info.shape.size() == 1 ? 1 : static_cast<Index>(info.shape[1]);
  return linalg::load_matrix(bytes, info.dtype, static_cast<Index>(info.shape[0]), cols);
}

// A tensor of both sides, with the junction's basis along the columns.
struct Both {
  Matrix a;
  Matrix b;
};

class Walk {
 public:
  Walk(const Side& first, const Side& second) : first_(first), second_(second) {}

  Result<OrbitDistance> pass(const Junction& one, const Junction& other) {
    const auto width = static_cast<Index>(one.width);
    Matrix cross = Matrix::Zero(width, width);
    double plain = 0, norm = 0;
    BBZ_TRY(each_pair(one, other, [&](const Both& pair) {
      linalg::multiply(pair.a, Op::kTransposed, pair.b, Op::kPlain, cross, 1.0, 1.0);
      plain += (pair.a - pair.b).squaredNorm();
      norm += pair.b.squaredNorm();
    }));
    BBZ_ASSIGN(const linalg::Svd factors, linalg::svd(cross));
    const Matrix u = linalg::product(factors.u, factors.vt);
    OrbitDistance out;
    BBZ_TRY(each_pair(one, other, [&](const Both& pair) {
      out.deviation.add(linalg::product(pair.a, u), pair.b);
    }));
    const double scale = norm > 0 ? 1.0 / std::sqrt(norm) : 1.0;
    out.plain = std::sqrt(plain) * scale;
    out.rotated = std::sqrt(out.deviation.sum_of_squares) * scale;
    out.largest = out.deviation.largest;
    const Member* leaving = one.find(Role::kShortcutOut);
    leaving_ = leaving == nullptr ? kNone : leaving->tensor;
    u_ = u;
    return out;
  }

  void skip() { leaving_ = kNone; }

 private:
  static constexpr std::size_t kNone = ~std::size_t{0};

  template <class Visit>
  Status each_pair(const Junction& one, const Junction& other, const Visit& visit) {
    for (std::size_t m = 0; m < one.members.size(); ++m) {
      const Member& member = one.members[m];
      if (member.role == Role::kShortcutOut) continue;
      Both pair;
      BBZ_ASSIGN(pair.a, load(first_, member.tensor));
      BBZ_ASSIGN(pair.b, load(second_, other.members[m].tensor));
      if (member.role == Role::kShortcutIn && member.tensor == leaving_) {
        Matrix turned(pair.a.rows(), pair.a.cols());
        linalg::multiply(u_, Op::kTransposed, pair.a, Op::kPlain, turned);
        pair.a = std::move(turned);
      }
      if (junction::role_axis(member.role) == 0) {
        pair.a = pair.a.transpose().eval();
        pair.b = pair.b.transpose().eval();
      }
      visit(pair);
    }
    return {};
  }

  const Side& first_;
  const Side& second_;
  std::size_t leaving_ = kNone;  // the outgoing shortcut of the last junction, whose rotation is u_
  Matrix u_;
};

Status check_same(const Side& first, const Side& second, const Junction& one,
                  const Junction& other) {
  if (one.members.size() != other.members.size()) {
    return make_error(Code::kInvalidArgument,
                      "{}: expected as many members in both models, found {} and {}", one.name,
                      one.members.size(), other.members.size());
  }
  for (std::size_t m = 0; m < one.members.size(); ++m) {
    const TensorInfo& a = first.tensors[one.members[m].tensor];
    const TensorInfo& b = second.tensors[other.members[m].tensor];
    if (a.name != b.name || a.shape != b.shape) {
      return make_error(Code::kInvalidArgument,
                        "{}: expected the same tensor in both models, found {} [{}] and {} [{}]",
                        one.name, quoted(a.name), fmt::join(a.shape, ", "), quoted(b.name),
                        fmt::join(b.shape, ", "));
    }
  }
  return {};
}

}  // namespace

Result<std::vector<OrbitDistance>> orbit_distances(const Side& first, const Side& second) {
  const junction::Detection one = junction::detect(first.tensors);
  const junction::Detection other = junction::detect(second.tensors);
  if (one.family != other.family || one.junctions.size() != other.junctions.size()) {
    return make_error(Code::kInvalidArgument,
                      "expected models of the same family and depth, found {} with {} junctions "
                      "and {} with {}",
                      one.family, one.junctions.size(), other.family, other.junctions.size());
  }
  std::vector<OrbitDistance> all;
  Walk walk(first, second);
  for (std::size_t j = 0; j < one.junctions.size(); ++j) {
    if (!one.junctions[j].proven() || !other.junctions[j].proven()) {
      walk.skip();
      continue;
    }
    BBZ_TRY(check_same(first, second, one.junctions[j], other.junctions[j]));
    BBZ_ASSIGN(OrbitDistance distance, walk.pass(one.junctions[j], other.junctions[j]));
    distance.junction = j;
    all.push_back(distance);
  }
  return all;
}

}  // namespace bbz::compare
