# LibTorch as an imported target of our own. find_package(Torch) of the PyPI wheel demands a CUDA toolkit; we need
# libtorch_cpu and libc10 only, and open libtorch_cuda at run time where it and a GPU are there (src/tensor/device.h).
# tools/setup.sh unpacks the wheel and the two small NVIDIA packages that libtorch_cpu links.
set(DREAMRUNNER_LIBTORCH_VERSION 2.11.0)
if(DEFINED ENV{DREAMRUNNER_CACHE})
  set(_cache "$ENV{DREAMRUNNER_CACHE}")
elseif(DEFINED ENV{XDG_CACHE_HOME})
  set(_cache "$ENV{XDG_CACHE_HOME}/dreamrunner")
else()
  set(_cache "$ENV{HOME}/.cache/dreamrunner")
endif()
set(DREAMRUNNER_LIBTORCH "${_cache}/libtorch-${DREAMRUNNER_LIBTORCH_VERSION}" CACHE PATH
    "Folder that holds torch/ and nvidia/ as the wheels unpack them")
set(_torch "${DREAMRUNNER_LIBTORCH}/torch")
if(NOT EXISTS "${_torch}/lib/libtorch_cpu.so")
  message(FATAL_ERROR "no LibTorch in ${DREAMRUNNER_LIBTORCH}; run `make setup`, or set DREAMRUNNER_LIBTORCH")
endif()

# The wheel carries headers of other libraries too, among them a newer fmt than Debian's whose functions no library here
# holds. Only LibTorch's own headers are shown to the compiler.
set(_include "${PROJECT_BINARY_DIR}/libtorch-include")
file(MAKE_DIRECTORY "${_include}")
foreach(folder ATen c10 torch)
  file(CREATE_LINK "${_torch}/include/${folder}" "${_include}/${folder}" SYMBOLIC)
endforeach()

add_library(libtorch INTERFACE)
target_include_directories(libtorch SYSTEM INTERFACE "${_include}" "${_torch}/include/torch/csrc/api/include")
# libtorch_cpu finds libgomp and NVIDIA's runtime through its own RPATH; the linker has to be shown where they are.
target_link_libraries(libtorch INTERFACE "${_torch}/lib/libtorch_cpu.so" "${_torch}/lib/libc10.so")
target_link_options(libtorch INTERFACE
  "LINKER:-rpath-link,${_torch}/lib" "LINKER:-rpath-link,${DREAMRUNNER_LIBTORCH}/nvidia/cu13/lib"
  "LINKER:--allow-shlib-undefined")
