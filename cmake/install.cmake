# `make install`: PREFIX/bin/dreamrunner, PREFIX/lib/dreamrunner with the engine, the LibTorch it needs, the video
# library and the decoder of strangers' videos, and the models.
# LibTorch goes along, so that an installed program does not hang on somebody's cache folder; the engine finds it through
# its own RPATH ($ORIGIN/torch/lib), libtorch_cpu finds NVIDIA's libraries through its ($ORIGIN/../../nvidia/...).
# `lib` whatever the system calls it: the program looks in ../lib/dreamrunner (src/stages/engine_loader.cpp).
set(_home lib/dreamrunner)

install(TARGETS dreamrunner RUNTIME DESTINATION bin)
install(TARGETS dreamrunner_engine dreamrunner_video dreamrunner_video_child LIBRARY DESTINATION ${_home} RUNTIME DESTINATION ${_home})
install(DIRECTORY "${DREAMRUNNER_LIBTORCH}/torch/lib/" DESTINATION "${_home}/torch/lib"
  FILES_MATCHING PATTERN "*.so*" PATTERN "libtorch_python.so" EXCLUDE PATTERN "libshm*" EXCLUDE)
install(DIRECTORY "${DREAMRUNNER_LIBTORCH}/nvidia/" DESTINATION "${_home}/nvidia"
  FILES_MATCHING PATTERN "*.so*" PATTERN "include" EXCLUDE)
# Licences travel with what they cover.
file(GLOB _licences "${DREAMRUNNER_LIBTORCH}/*.dist-info")
install(DIRECTORY ${_licences} DESTINATION share/doc/dreamrunner/licences
  FILES_MATCHING PATTERN "licenses/*" PATTERN "LICENSE*" PATTERN "NOTICE*")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" "${PROJECT_SOURCE_DIR}/NOTICE" DESTINATION share/doc/dreamrunner)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/models/" DESTINATION share/dreamrunner/models)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/prompts/" DESTINATION share/dreamrunner/prompts)
