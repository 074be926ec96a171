# What the ros-* wheels need beyond a ROS 2 machine; included by CMAKE_PROJECT_INCLUDE (setup.py, scripts/colcon_build),
# at work at the end of configuration.
#
# - They export include directories of the machine they were built on, and CMake refuses imported targets whose include
#   directories do not exist: the missing ones are dropped.
# - A virtual environment inside the checkout puts NumPy's headers there, and CMake refuses to export targets that
#   include from their own source tree: such directories are for the build alone.
function(_hsi_fix_includes)
  get_property(imported DIRECTORY PROPERTY IMPORTED_TARGETS)
  get_property(built DIRECTORY PROPERTY BUILDSYSTEM_TARGETS)
  foreach(target IN LISTS imported built)
    get_target_property(directories ${target} INTERFACE_INCLUDE_DIRECTORIES)
    if(NOT directories)
      continue()
    endif()
    set(fixed "")
    foreach(directory IN LISTS directories)
      string(FIND "${directory}" "${CMAKE_SOURCE_DIR}/" position)
      if(directory MATCHES "\\$<")
        list(APPEND fixed "${directory}")
      elseif(target IN_LIST built AND position EQUAL 0)
        list(APPEND fixed "$<BUILD_INTERFACE:${directory}>")
      elseif(target IN_LIST built OR EXISTS "${directory}")
        list(APPEND fixed "${directory}")
      endif()
    endforeach()
    set_property(TARGET ${target} PROPERTY INTERFACE_INCLUDE_DIRECTORIES "${fixed}")
  endforeach()
endfunction()
cmake_language(DEFER CALL _hsi_fix_includes)
