// The passes over every number of a view that are not matrix products, each in one sweep over the rows.
//
// torch makes such a pass for every operation; here a row of a view (a few hundred numbers) is read once, worked on in the
// first-level cache, and written once. Formulas: tamis/layers/competitive_filter.py, view_fusion.py, static_filter.py, cross.py,
// which hold the same in torch, for devices and dtypes that have no kernel and as the reference of the tests.
//
// `row` and `view` strides are in elements; the last dimension is always contiguous. Sums over rows are added up by every
// thread for itself and then in the order of the threads: the same number of threads gives the same bits.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <omp.h>
#include <vector>

namespace {

struct bfloat16 {
    uint16_t bits;
};

inline float load(float x) { return x; }

inline float load(bfloat16 x) {
    const uint32_t wide = static_cast<uint32_t>(x.bits) << 16;
    float number;
    std::memcpy(&number, &wide, sizeof number);
    return number;
}

inline void store(float& place, float number) { place = number; }

// Round to nearest, ties to even; NaN stays NaN.
inline void store(bfloat16& place, float number) {
    uint32_t wide;
    std::memcpy(&wide, &number, sizeof wide);
    const uint32_t rounded = (wide + 0x7fffu + ((wide >> 16) & 1u)) >> 16;
    place.bits = static_cast<uint16_t>((wide & 0x7fffffffu) > 0x7f800000u ? 0x7fc0u : rounded);
}

// NaN in the first argument stays, as with torch.maximum.
inline float larger(float x, float y) { return x < y ? y : x; }

// exp for x <= 0 to two units in the last place: a power of two times a polynomial. A loop over it becomes vector code, which
// a call of the library does not.
inline float exp_of_negative(float x) {
    x = larger(x, -87.0f);
    const float power = std::nearbyint(x * 1.44269504f);
    const float rest = (x - power * 0.693359375f) + power * 2.12194440e-4f;
    float value = 1.9875691500e-4f;
    value = value * rest + 1.3981999507e-3f;
    value = value * rest + 8.3334519073e-3f;
    value = value * rest + 4.1665795894e-2f;
    value = value * rest + 1.6666665459e-1f;
    value = value * rest + 5.0000001201e-1f;
    value = value * rest * rest + rest + 1.0f;
    const int32_t bits = (static_cast<int32_t>(power) + 127) << 23;
    float scale;
    std::memcpy(&scale, &bits, sizeof scale);
    return value * scale;
}

// The normal distribution's density without its constant, and its probability up to x: Abramowitz and Stegun 7.1.26, whose
// error is at most 7.5e-8 here.
inline float normal_probability(float x, float& density) {
    const float size = std::fabs(x);
    const float t = 1.0f / (1.0f + 0.3275911f * 0.70710678f * size);
    density = exp_of_negative(-0.5f * x * x);
    float tail = 1.061405429f;
    tail = tail * t - 1.453152027f;
    tail = tail * t + 1.421413741f;
    tail = tail * t - 0.284496736f;
    tail = tail * t + 0.254829592f;
    tail = 0.5f * tail * t * density;
    return x < 0.0f ? tail : 1.0f - tail;
}

// What views are made of: float or bfloat16; the library is compiled once for each.
using Number = NUMBER;

// One slice of `size` sums for every thread, added up in order at the end.
template <class Real>
class Sums {
  public:
    Sums(int64_t size, int64_t threads) : size_(size), parts_(static_cast<size_t>(threads * size), 0) {}
    Real* mine() { return parts_.data() + omp_get_thread_num() * size_; }
    void add_to(float* total) const {
        for (size_t start = 0; start < parts_.size(); start += size_)
            for (int64_t i = 0; i < size_; ++i) total[i] += static_cast<float>(parts_[start + i]);
    }

  private:
    int64_t size_;
    std::vector<Real> parts_;
};

// SplitMix64 (Steele et al. 2014, "Fast splittable pseudorandom number generators"): word `i` of the sequence that `seed` begins.
inline uint64_t random_word(uint64_t seed, uint64_t i) {
    uint64_t z = seed + (i + 1) * 0x9e3779b97f4a7c15ull;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

// What dropout multiplies numbers with: `scale` where 16 random bits are at least `threshold`, else 0; without a threshold
// always 1. Every word gives the bits of four numbers, in the order in which they lie in memory. Which they are depends on the
// seed and the place among all numbers alone: whoever asks again gets the same, and so does any number of threads.
class Drops {
  public:
    Drops(int64_t most, int64_t seed, int64_t threshold, float scale)
        : seed_(static_cast<uint64_t>(seed)), threshold_(static_cast<uint16_t>(threshold)), scale_(scale), words_(most / 4 + 2),
          bits_(4 * words_.size()), factors_(most, 1.0f) {}
    // Those of `count` numbers from place `first` on.
    const float* at(int64_t first, int64_t count) {
        if (threshold_ == 0) return factors_.data();
        const int64_t skip = first % 4, length = (skip + count + 3) / 4;
        const uint64_t seed = seed_, word = first / 4;
        uint64_t* words = words_.data();
#pragma omp simd
        for (int64_t i = 0; i < length; ++i) words[i] = random_word(seed, word + i);
        std::memcpy(bits_.data(), words, 8 * length);
        const uint16_t *bits = bits_.data() + skip, threshold = threshold_;
        float *factors = factors_.data(), scale = scale_;
#pragma omp simd
        for (int64_t i = 0; i < count; ++i) factors[i] = bits[i] >= threshold ? scale : 0.0f;
        return factors;
    }

  private:
    uint64_t seed_;
    uint16_t threshold_;
    float scale_;
    std::vector<uint64_t> words_;
    std::vector<uint16_t> bits_;
    std::vector<float> factors_;
};

}  // namespace

extern "C" {

// y = x times the factors of dropout. A product leaves a NaN one.
void dropout(const Number* x, int64_t seed, int64_t threshold, float scale, Number* out, int64_t size, int64_t threads) {
    constexpr int64_t block = 2048;
#pragma omp parallel num_threads(threads)
    {
        Drops drops(block, seed, threshold, scale);
#pragma omp for schedule(static)
        for (int64_t start = 0; start < size; start += block) {
            const int64_t count = std::min(block, size - start);
            const float* factors = drops.at(start, count);
            for (int64_t i = 0; i < count; ++i) store(out[start + i], load(x[start + i]) * factors[i]);
        }
    }
}

// y = gamma * ICS(z), times the values where there are any. steps: (4, iterations + 1, rows, views), the levels, shifts, means
// and numbers of dimensions alive of competitive_filter.py.
void competitive_forward(const Number* z, int64_t row, int64_t values, const float* alpha, const float* gamma, float* steps,
                         Number* out, int64_t rows, int64_t views, int64_t width, int64_t iterations, int64_t threads) {
    const int64_t step = rows * views, kind = (iterations + 1) * step, size = views * width;
#pragma omp parallel num_threads(threads)
    {
        std::vector<float> buffer(size);
        float* x = buffer.data();
#pragma omp for schedule(static)
        for (int64_t r = 0; r < rows; ++r) {
            const Number* in = z + r * row;
            float* levels = steps + r * views;
            for (int64_t i = 0; i < size; ++i) x[i] = load(in[i]);
            for (int64_t v = 0; v < views; ++v) levels[v] = levels[kind + v] = 0.0f;
            // Step by step for all views together: each waits for its own sum only.
            for (int64_t t = 0; t < iterations; ++t)
                for (int64_t v = 0; v < views; ++v) {
                    const float* mine = x + v * width;
                    float* now = levels + t * step + v;
                    const float level = now[0], shift = now[kind];
                    float sum = 0.0f, count = 0.0f;
#pragma omp simd reduction(+ : sum, count)
                    for (int64_t i = 0; i < width; ++i) sum += larger(mine[i], level), count += mine[i] > level ? 1.0f : 0.0f;
                    const float mean = sum / width - shift, drop = alpha[v * iterations + t] * mean;
                    now[2 * kind] = mean, now[3 * kind] = count;
                    // Where the drop decides, level and shift are the same number to the last bit: the dead are exactly zero.
                    const float next = shift + drop;
                    now[step] = level - shift > drop ? level : next, now[kind + step] = next;
                }
            for (int64_t v = 0; v < views; ++v) {
                const float level = levels[iterations * step + v], shift = levels[kind + iterations * step + v];
                const float *mine = x + v * width, *scale = gamma + v * width;
                Number* place = out + (v * rows + r) * width;
                if (values == 0)
                    for (int64_t i = 0; i < width; ++i) store(place[i], (larger(mine[i], level) - shift) * scale[i]);
                else
                    for (int64_t i = 0; i < width; ++i)
                        store(place[i], (larger(mine[i], level) - shift) * scale[i] * load(in[values + v * width + i]));
            }
        }
    }
}

void competitive_backward(const Number* z, int64_t row, int64_t values, const float* alpha, const float* gamma,
                          const float* steps, const Number* grad, int64_t grad_row, int64_t grad_view, Number* grad_z,
                          float* grad_alpha, float* grad_gamma, int64_t rows, int64_t views, int64_t width,
                          int64_t iterations, int64_t threads) {
    const int64_t step = rows * views, kind = (iterations + 1) * step, grad_z_row = views * width * (values ? 2 : 1);
    // A rate's gradient is one number from all numbers of a view: terms of both signs, so float would lose them.
    Sums<double> alphas(views * iterations, threads);
    Sums<float> gammas(views * width, threads);
#pragma omp parallel num_threads(threads)
    {
        std::vector<float> buffer(2 * width + iterations);
        float *x = buffer.data(), *g = x + width, *of_means = g + width;
        double* my_alphas = alphas.mine();
        float* my_gammas = gammas.mine();
#pragma omp for schedule(static)
        for (int64_t r = 0; r < rows; ++r)
            for (int64_t v = 0; v < views; ++v) {
                const Number *in = z + r * row + v * width, *from = grad + r * grad_row + v * grad_view;
                Number* place = grad_z + r * grad_z_row + v * width;
                const float* levels = steps + r * views + v;
                const float *shifts = levels + kind, *means = shifts + kind, *counts = means + kind, *scale = gamma + v * width;
                float* gamma_sums = my_gammas + v * width;
                const float last = levels[iterations * step], shift = shifts[iterations * step];
                float total = 0.0f, alive = 0.0f;
                // A loop without the values, and one with them: a question inside would cost as much as the work.
                if (values == 0) {
#pragma omp simd reduction(+ : total, alive)
                    for (int64_t i = 0; i < width; ++i) {
                        x[i] = load(in[i]);
                        const float upper = load(from[i]), through = upper * scale[i];
                        gamma_sums[i] += (larger(x[i], last) - shift) * upper;
                        g[i] = x[i] > last ? through : 0.0f;
                        total += through, alive += g[i];
                    }
                } else {
                    Number* value_place = place + views * width;
#pragma omp simd reduction(+ : total, alive)
                    for (int64_t i = 0; i < width; ++i) {
                        x[i] = load(in[i]);
                        const float left = larger(x[i], last) - shift, upper = load(from[i]);
                        store(value_place[i], left * scale[i] * upper);
                        const float valued = upper * load(in[values + i]), through = valued * scale[i];
                        gamma_sums[i] += left * valued;
                        g[i] = x[i] > last ? through : 0.0f;
                        total += through, alive += g[i];
                    }
                }
                float of_shift = -alive, of_dead = total - alive;
                for (int64_t t = iterations - 1; t >= 0; --t) {
                    if (!(levels[(t + 1) * step] > shifts[(t + 1) * step])) of_dead = 0.0f;
                    const float of_drop = of_shift - of_dead, level = levels[t * step];
                    my_alphas[v * iterations + t] += static_cast<double>(of_drop) * means[t * step];
                    const float of_mean = of_drop * alpha[v * iterations + t] / width;
                    of_means[t] = of_mean;
                    of_shift -= of_mean * counts[t * step];
                    of_dead += of_mean * (width - counts[t * step]);
                }
                for (int64_t t = 0; t < iterations; ++t) {
                    const float level = levels[t * step], of_mean = of_means[t];
                    for (int64_t i = 0; i < width; ++i) g[i] += x[i] > level ? of_mean : 0.0f;
                }
                for (int64_t i = 0; i < width; ++i) store(place[i], g[i]);
            }
    }
    alphas.add_to(grad_alpha), gammas.add_to(grad_gamma);
}

// y = norm(residual + dropout(gelu(mixed + bias))). For the backward pass, unless `normal` is null: the normalised numbers, the
// slope of what dropout left of gelu, and the inverse deviation of each row and view. With views that share their scale and
// shift, `norm_view` is 0, else width.
void fusion_forward(const Number* mixed, const Number* residual, int64_t residual_row, int64_t residual_view, const float* bias,
                    const float* scale, const float* shift, int64_t norm_view, float eps, int64_t seed, int64_t threshold,
                    float drop_scale, Number* normal, Number* slope, float* inverses, Number* out, int64_t rows, int64_t views,
                    int64_t width, int64_t threads) {
    constexpr int64_t tile = 16;  // rows of a view whose factors of dropout are drawn at once: one by one costs ten times that
#pragma omp parallel num_threads(threads)
    {
        std::vector<float> buffer(width);
        float* x = buffer.data();
        Drops drops(tile * width, seed, threshold, drop_scale);
#pragma omp for schedule(static)
        for (int64_t first = 0; first < rows; first += tile)
            for (int64_t v = 0; v < views; ++v) {
                const int64_t end = std::min(first + tile, rows);
                const float* factors = drops.at((v * rows + first) * width, (end - first) * width);
                for (int64_t r = first; r < end; ++r, factors += width) {
                    const int64_t at = (v * rows + r) * width;
                    const Number* in = mixed + at;
                    const float* add = bias + v * width;
                    float sum = 0.0f, density;
                    // A loop that keeps the slopes, and one without: a question inside would cost as much as the work.
                    if (slope == nullptr) {
#pragma omp simd reduction(+ : sum) private(density)
                        for (int64_t i = 0; i < width; ++i) {
                            const float u = load(in[i]) + add[i];
                            x[i] = u * normal_probability(u, density) * factors[i];
                            sum += x[i];
                        }
                    } else {
                        Number* slopes = slope + at;
#pragma omp simd reduction(+ : sum) private(density)
                        for (int64_t i = 0; i < width; ++i) {
                            const float u = load(in[i]) + add[i], probability = normal_probability(u, density);
                            x[i] = u * probability * factors[i];
                            store(slopes[i], (probability + u * density * 0.39894228f) * factors[i]);
                            sum += x[i];
                        }
                    }
                    if (residual != nullptr) {
                        const Number* beside = residual + r * residual_row + v * residual_view;
                        sum = 0.0f;
#pragma omp simd reduction(+ : sum)
                        for (int64_t i = 0; i < width; ++i) {
                            x[i] += load(beside[i]);
                            sum += x[i];
                        }
                    }
                    const float mean = sum / width;
                    float squares = 0.0f;
#pragma omp simd reduction(+ : squares)
                    for (int64_t i = 0; i < width; ++i) {
                        x[i] -= mean;
                        squares += x[i] * x[i];
                    }
                    const float inverse = 1.0f / std::sqrt(squares / width + eps);
                    Number* place = out + (r * views + v) * width;
                    const float *by = scale + v * norm_view, *plus = shift + v * norm_view;
                    for (int64_t i = 0; i < width; ++i) x[i] *= inverse;
                    for (int64_t i = 0; i < width; ++i) store(place[i], x[i] * by[i] + plus[i]);
                    if (normal != nullptr) {
                        inverses[r * views + v] = inverse;
                        for (int64_t i = 0; i < width; ++i) store(normal[at + i], x[i]);
                    }
                }
            }
    }
}

// sums: (3, views, width), the gradients of scale, shift and bias.
void fusion_backward(const Number* normal, const Number* slope, const float* inverses, const float* scale, int64_t norm_view,
                     const Number* grad, int64_t grad_row, int64_t grad_view, Number* grad_mixed, Number* grad_residual,
                     float* sums, int64_t rows, int64_t views, int64_t width, int64_t threads) {
    const int64_t size = views * width;
    Sums<float> all(3 * size, threads);
#pragma omp parallel num_threads(threads)
    {
        std::vector<float> buffer(2 * width);
        float *x = buffer.data(), *g = x + width;
        float* mine = all.mine();
#pragma omp for schedule(static)
        for (int64_t r = 0; r < rows; ++r)
            for (int64_t v = 0; v < views; ++v) {
                const int64_t at = (v * rows + r) * width;
                const Number *in = normal + at, *slopes = slope + at, *from = grad + r * grad_row + v * grad_view;
                const float *by = scale + v * norm_view, inverse = inverses[r * views + v];
                float *scale_sums = mine + v * width, *shift_sums = scale_sums + size, *bias_sums = shift_sums + size;
                float sum = 0.0f, along = 0.0f;
#pragma omp simd reduction(+ : sum, along)
                for (int64_t i = 0; i < width; ++i) {
                    const float upper = load(from[i]);
                    x[i] = load(in[i]);
                    scale_sums[i] += upper * x[i];
                    shift_sums[i] += upper;
                    g[i] = upper * by[i];
                    sum += g[i], along += g[i] * x[i];
                }
                sum /= width, along /= width;
                Number* place = grad_mixed + at;
                for (int64_t i = 0; i < width; ++i) {
                    g[i] = (g[i] - sum - x[i] * along) * inverse;
                    const float inner = g[i] * load(slopes[i]);
                    bias_sums[i] += inner;
                    store(place[i], inner);
                }
                if (grad_residual != nullptr)
                    for (int64_t i = 0; i < width; ++i) store(grad_residual[at + i], g[i]);
            }
    }
    all.add_to(sums);
}

void gather_forward(const Number* x, const int64_t* indices, Number* out, int64_t rows, int64_t d_in, int64_t views, int64_t width,
                    int64_t threads) {
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t v = 0; v < views; ++v) {
            const int64_t* chosen = indices + v * width;
            Number* place = out + (v * rows + r) * width;
            for (int64_t i = 0; i < width; ++i) place[i] = x[r * d_in + chosen[i]];
        }
}

void gather_backward(const Number* grad, int64_t grad_row, int64_t grad_view, const int64_t* indices, Number* grad_x, int64_t rows,
                     int64_t d_in, int64_t views, int64_t width,
                    int64_t threads) {
#pragma omp parallel num_threads(threads)
    {
        std::vector<float> sums(d_in);
#pragma omp for schedule(static)
        for (int64_t r = 0; r < rows; ++r) {
            std::fill(sums.begin(), sums.end(), 0.0f);
            for (int64_t v = 0; v < views; ++v) {
                const int64_t* chosen = indices + v * width;
                const Number* from = grad + r * grad_row + v * grad_view;
                for (int64_t i = 0; i < width; ++i) sums[chosen[i]] += load(from[i]);
            }
            for (int64_t i = 0; i < d_in; ++i) store(grad_x[r * d_in + i], sums[i]);
        }
    }
}

// The mean of a row's views.
void mean_forward(const Number* x, Number* out, int64_t rows, int64_t views, int64_t width, int64_t threads) {
#pragma omp parallel num_threads(threads)
    {
        std::vector<float> sums(width);
#pragma omp for schedule(static)
        for (int64_t r = 0; r < rows; ++r) {
            std::fill(sums.begin(), sums.end(), 0.0f);
            for (int64_t v = 0; v < views; ++v)
                for (int64_t i = 0; i < width; ++i) sums[i] += load(x[(r * views + v) * width + i]);
            for (int64_t i = 0; i < width; ++i) store(out[r * width + i], sums[i] / views);
        }
    }
}

// next = first * (product + bias) + current: once in float for the crosses to come, unless nothing comes, and once rounded for the
// next product. Without `current` it is `first` itself.
void cross_forward(const float* first, const Number* product, const float* bias, const float* current, float* next,
                   Number* rounded, int64_t rows, int64_t width, int64_t threads) {
    if (current == nullptr) current = first;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t r = 0; r < rows; ++r) {
        const int64_t at = r * width;
        for (int64_t i = 0; i < width; ++i)
            store(rounded[at + i], first[at + i] * (load(product[at + i]) + bias[i]) + current[at + i]);
        if (next != nullptr)
            for (int64_t i = 0; i < width; ++i)
                next[at + i] = first[at + i] * (load(product[at + i]) + bias[i]) + current[at + i];
    }
}

// grad_first begins as what later crosses found for it, where there are any; without `grad_current` it takes that in too.
void cross_backward(const float* first, const Number* product, const float* bias, const float* grad_later, const float* grad_next,
                    const Number* grad_rounded, float* grad_first, Number* grad_product, float* grad_bias, float* grad_current,
                    int64_t rows, int64_t width, int64_t threads) {
    Sums<float> biases(width, threads);
#pragma omp parallel num_threads(threads)
    {
        std::vector<float> buffer(width);
        float *upper = buffer.data(), *my_biases = biases.mine();
#pragma omp for schedule(static)
        for (int64_t r = 0; r < rows; ++r) {
            const int64_t at = r * width;
            for (int64_t i = 0; i < width; ++i) upper[i] = grad_rounded == nullptr ? 0.0f : load(grad_rounded[at + i]);
            if (grad_next != nullptr)
                for (int64_t i = 0; i < width; ++i) upper[i] += grad_next[at + i];
            for (int64_t i = 0; i < width; ++i) {
                const float inner = upper[i] * first[at + i];
                my_biases[i] += inner;
                store(grad_product[at + i], inner);
            }
            float* place = grad_first + at;
            for (int64_t i = 0; i < width; ++i) place[i] = upper[i] * (load(product[at + i]) + bias[i]);
            if (grad_later != nullptr)
                for (int64_t i = 0; i < width; ++i) place[i] += grad_later[at + i];
            if (grad_current == nullptr)
                for (int64_t i = 0; i < width; ++i) place[i] += upper[i];
            else
                for (int64_t i = 0; i < width; ++i) grad_current[at + i] = upper[i];
        }
    }
    biases.add_to(grad_bias);
}

}  // extern "C"
